"""What starting costs: ``import lmloupe`` and the first encoding, in interpreters of their own."""

from __future__ import annotations

import gzip
import subprocess
import sys
import tempfile
from collections.abc import Callable
from importlib import resources
from pathlib import Path

from benchmarks.harness import Row, none_of, paired
from benchmarks.server import environment

KEY = "llama-3.1"
HEAVY = ("torch", "transformers", "streamlit", "pandas")
SENTENCE = "The coconut palm has 3 names in 2 scripts: кокос, ココナッツ."
OURS_FIRST_ENCODE = f"import lmloupe as lm; assert len(lm.encode(lm.load_tokenizer({KEY!r}), {SENTENCE!r})) > 10"
FLOOR_FIRST_ENCODE = (
    "import sys; from tokenizers import Tokenizer; "
    f"assert len(Tokenizer.from_file(sys.argv[1]).encode({SENTENCE!r}).ids) > 10"
)


def rows() -> list[Row]:
    """Import against an empty program; first encoding against ``tokenizers`` with the same JSON, not compressed."""
    start = paired(_python("import lmloupe"), _python("pass"), rounds=5)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "tokenizer.json"
        path.write_bytes(gzip.decompress((resources.files("lmloupe") / "data" / f"{KEY}.json.gz").read_bytes()))
        first = paired(_python(OURS_FIRST_ENCODE), _python(FLOOR_FIRST_ENCODE, str(path)), rounds=3)
    loaded = heavy_modules()
    return [
        Row("import lmloupe", start.ours_s, start.floor_s, "python -c pass", ratio=start.ratio),
        none_of("  heavy modules it loads", HEAVY, loaded),
        Row(
            f"import, load {KEY}, first encode",
            first.ours_s,
            first.floor_s,
            "tokenizers, Tokenizer.from_file",
            ratio=first.ratio,
        ),
    ]


def heavy_modules() -> list[str]:
    """Which of `HEAVY` a fresh interpreter holds after ``import lmloupe`` and a first encoding."""
    code = f"{OURS_FIRST_ENCODE}; import sys; print(*[m for m in {HEAVY!r} if m in sys.modules])"
    done = subprocess.run(
        [sys.executable, "-c", code], env=environment(), check=True, capture_output=True, encoding="utf-8"
    )
    return done.stdout.split()


def _python(code: str, *arguments: str) -> Callable[[], object]:
    command = [sys.executable, "-c", code, *arguments]
    return lambda: subprocess.run(command, env=environment(), check=True)
