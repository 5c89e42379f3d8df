"""A process that shares a folder of answers with others: says what it does, and waits for a line before it goes on."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

from lmloupe.kept.folder import AnswerFolder
from lmloupe.kept.names import question_name

IDS = tuple(range(3, 20))
SAMPLES: tuple[Any, ...] = (
    (), 1, 1.0, True, "1", b"1", None, (1,), [1], {1}, {"a", "b", "c", "d"}, frozenset({(1, "x"), (2, "y")}),
    {"b": 1, "a": {"z", "y", "x"}}, {("k", 1): -0.0}, 0.0, float("nan"), "\ud800", 10**30, -1,
)  # fmt: skip


def _say(what: Any) -> None:
    sys.stdout.write(json.dumps(what) + "\n")
    sys.stdout.flush()


def _score(folder: AnswerFolder, model: Path) -> None:
    """Ask a model once, and say its number of passes and the hash of its answer."""
    import lmloupe as lm
    from lmloupe.kept.models import model_identity
    from lmloupe.kept.names import library

    engine = lm.load_engine(str(model), device="cpu")
    passes = []
    engine.loaded.model.register_forward_hook(lambda *_: passes.append(1))
    name = question_name(library(), model_identity(engine), "score", IDS)
    _say("ready")
    sys.stdin.readline()
    found = folder.answer(name, lambda: engine.score(IDS), lm.Scored)
    _say([len(passes), question_name(found)])


def main(what: str, path: str = "", argument: str = "") -> None:
    if what == "names":
        _say([question_name(sample) for sample in SAMPLES])
    elif what == "score":
        _score(AnswerFolder(Path(path), slow_s=0.0), Path(argument))
    elif what == "hold":
        turn = AnswerFolder(Path(path)).turn(argument)
        _say(turn.take())
        sys.stdin.readline()
        turn.give()


if __name__ == "__main__":
    main(*sys.argv[1:])
