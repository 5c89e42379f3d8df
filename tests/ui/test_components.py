"""The components' scripts: how they are joined, what they never do, and that they read what Python packs."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from lmloupe import embedded_tokenizers, load_tokenizer
from lmloupe.encodings.encoding import encode
from ui.components import kit
from ui.components.token_view import TokenRow
from ui.components.token_view.payload import build_payload

COMPONENTS = Path(kit.__file__).parents[1]
SCRIPTS = sorted(COMPONENTS.glob("*/*.js"))
# What a component gives to Streamlit; the other scripts are imported by these.
MAIN = [path for path in SCRIPTS if "export default" in path.read_text("utf-8")]
UNPACK = Path(__file__).parents[1] / "support" / "unpack_payload.mjs"
TEXT = "A coconut 🤚\n\tनमस्ते <|eot_id|> a\0b 🦜 עברית"


@pytest.fixture(scope="module")
def node() -> str:
    found = shutil.which("node")
    if not found and not os.environ.get("CI"):
        pytest.skip("node is not installed")
    assert found, "node is not installed"
    return found


def test_every_main_script_is_registered() -> None:
    registered = [
        path.parent / name
        for path in COMPONENTS.glob("*/__init__.py")
        for name in re.findall(r'_HERE / "(\w+\.js)"', path.read_text("utf-8"))
    ]
    assert sorted(registered) == MAIN


@pytest.mark.parametrize("path", MAIN, ids=lambda path: path.stem)
def test_a_component_is_one_module(path: Path, node: str, tmp_path: Path) -> None:
    module = tmp_path / "joined.mjs"
    module.write_text(kit.joined(path), "utf-8")
    assert re.findall(r"^(?:import|export)\b.*", module.read_text("utf-8"), re.MULTILINE) == [
        line for line in path.read_text("utf-8").splitlines() if line.startswith("export default")
    ]
    subprocess.run([node, "--check", str(module)], check=True)


def written(folder: Path, **scripts: str) -> Path:
    for name, text in scripts.items():
        (folder / f"{name}.js").write_text(text, "utf-8")
    return folder / "main.js"


def test_joined_modules_keep_their_own_names(node: str, tmp_path: Path) -> None:
    main = written(
        tmp_path,
        main='import { twice, size as width } from "./a.js";\nimport { log } from "./b.js";\n'
        "const half = 1;\nlog(twice(width), half);\nexport default log;\n",
        a='import { log } from "./b.js";\nconst half = 2;\nexport const size = 21;\n'
        "export function twice(x) {\n  log(half);\n  return x * 2;\n}\n",
        b="let calls = 0;\nexport function log(...words) {\n  calls += 1;\n  console.log(calls, ...words);\n}\n",
    )
    module = tmp_path / "joined.mjs"
    module.write_text(kit.joined(main), "utf-8")
    out = subprocess.run([node, str(module)], check=True, capture_output=True, text=True).stdout
    assert out.splitlines() == ["1 2", "2 42 1"]


@pytest.mark.parametrize(
    ("scripts", "said"),
    [
        ({"main": 'import { a } from "./a.js";\n', "a": 'import { b } from "./main.js";\n'}, "imports itself"),
        ({"main": "export let a = 1;\n"}, "'export let a = 1;' is not a form"),
        ({"main": 'import * as a from "./a.js";\n', "a": ""}, "is not a form"),
        ({"main": 'import a from "./a.js";\n', "a": ""}, "is not a form"),
        ({"main": 'import { a } from "./a.js";\n', "a": "export default 1;\n"}, "'export default 1;' is not a form"),
    ],
)
def test_what_cannot_be_joined_is_refused(scripts: dict[str, str], said: str, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=re.escape(said)):
        kit.joined(written(tmp_path, **scripts))


@pytest.mark.parametrize("path", SCRIPTS, ids=lambda path: f"{path.parent.name}/{path.name}")
def test_no_script_parses_markup_or_is_long(path: Path) -> None:
    text = path.read_text("utf-8")
    forbidden = (
        r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|DOMParser|createContextualFragment|eval\(|Function\("
    )
    assert not re.search(forbidden, text)
    assert len(text.splitlines()) <= 300


def test_the_browser_reads_what_python_packs(node: str, tmp_path: Path) -> None:
    encodings = [encode(load_tokenizer(key), TEXT, add_special_tokens=True) for key in embedded_tokenizers()]
    payload = tmp_path / "payload"
    payload.write_bytes(build_payload([TokenRow(e.tokenizer.name, e) for e in encodings], text=TEXT))
    out = subprocess.run([node, str(UNPACK), str(payload)], check=True, capture_output=True, encoding="utf-8").stdout
    sent = json.loads(out)
    assert sent["text"] == TEXT
    for row, encoding in zip(sent["rows"], encodings, strict=True):
        tokens = list(encoding.tokens)
        assert row["ids"] == encoding.input_ids.tolist()
        assert row["spans"] == encoding.offsets.tolist()
        assert row["texts"] == [TEXT[start:end] for start, end in encoding.offsets.tolist()]
        assert row["pieces"] == [token.piece for token in tokens]
        assert row["bytes"] == [token.bytes.hex() for token in tokens]
        assert row["special"] == [token.is_special for token in tokens]


def test_a_whole_number_from_a_browser_is_a_whole_number() -> None:
    assert kit.whole({"head": 3}, "head") == 3
    for sent in (None, [3], {}, {"head": None}, {"head": "3"}, {"head": 3.0}, {"head": True}):
        assert kit.whole(sent, "head") is None
