"""What the file view sends to the browser, read there by its own scripts."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from pathlib import Path

import pytest

from lmloupe import encode, load_tokenizer
from lmloupe.encodings.lines import LineComparison, compare_lines
from tests.support.apps.file_view_cases import HUGE, TEXTS
from ui.components.file_view import Side, build_payload

UNPACK = Path(__file__).parents[1] / "support" / "unpack_file.mjs"
SIDES = [Side(key, name, "red", ("1",)) for key, name in (("llama-3.1", "Llama 3.1"), ("phi-3", "Phi-3"))]


def compared(text: str) -> LineComparison:
    return compare_lines(*(encode(load_tokenizer(side.key), text) for side in SIDES))


def payload(found: LineComparison) -> bytes:
    return build_payload(found, SIDES, headings=["Tokens"], agreement=["all"])


@pytest.mark.parametrize("text", [TEXTS["small"], TEXTS["markup"], "", "\ufeffa\r\nb\u2028\n\n\0", TEXTS["alike"]])
def test_the_browser_reads_what_python_packs(text: str, tmp_path: Path) -> None:
    node = shutil.which("node")
    if not node and not os.environ.get("CI"):
        pytest.skip("node is not installed")
    assert node, "node is not installed"
    found = compared(text)
    (file := tmp_path / "payload").write_bytes(payload(found) + b"\1")
    out = subprocess.run([node, str(UNPACK), str(file)], check=True, capture_output=True, encoding="utf-8").stdout
    read = json.loads(out)
    assert [line["text"] for line in read["lines"]] == [found.line(i) for i in range(len(found))]
    assert [line["same"] for line in read["lines"]] == found.same.tolist()
    assert [line["alone"] for line in read["lines"]] == [not same for same in found.same.tolist()]
    for i, line in enumerate(read["lines"]):
        assert line["ids"] == [found.ids(which, i).tolist() for which in (0, 1)]
        assert line["json"] == {
            "tokenizer": "phi-3",
            "line": i + 1,
            "text": found.line(i),
            "ids": found.ids(1, i).tolist(),
        }
    ids = found.encodings[0].input_ids.tolist()
    assert read["python"] == repr(ids)
    assert json.loads(read["json"]) == {"tokenizer": "llama-3.1", "ids": ids}


def test_a_megabyte_is_sent_in_a_few() -> None:
    assert len(payload(compared(HUGE))) < 7 * len(HUGE.encode())  # 900,000 tokens of about two characters
