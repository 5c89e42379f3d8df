"""The folder of this server, ``LMLOUPE_RESULTS``, and what one question is called in it."""

from __future__ import annotations

import os
import platform
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

import lmloupe as lm

if TYPE_CHECKING:
    from lmloupe.kept.folder import AnswerFolder

__all__ = ["VARIABLE", "folder", "machine", "name_of", "require_folder"]

VARIABLE = "LMLOUPE_RESULTS"


def folder() -> AnswerFolder | None:
    """The folder that finished answers are shared in; None where nobody has asked for one.

    Raises:
        lmloupe.InvalidSettingError: it cannot be had.
    """
    chosen = os.environ.get(VARIABLE, "").strip()
    return _folder(chosen) if chosen else None


@cache
def _folder(path: str) -> AnswerFolder:
    from lmloupe.kept.folder import AnswerFolder

    return AnswerFolder(Path(path).expanduser().absolute())


def require_folder() -> None:
    """Make the folder where one is asked for, before anybody is served.

    Raises:
        SystemExit: it cannot be had; the sentence says what to do.
    """
    try:
        folder()
    except lm.InvalidSettingError as error:
        raise SystemExit(f"{VARIABLE}: {error}") from error


def machine() -> str:
    """The name of this computer, for questions whose answers hold times."""
    return platform.node()


def name_of(engine: lm.Engine | None, *question: object) -> str | None:
    """What a question to a model is called in the folder; None where nothing is shared, or not of this model.

    Args:
        engine: the model; None where it is not loaded.
        *question: all that the answer depends on besides the model and the code.
    """
    if engine is None or folder() is None:
        return None
    from lmloupe.kept.models import model_identity
    from lmloupe.kept.names import library, question_name

    identity = model_identity(engine)
    return None if identity is None else question_name(library(), identity, *question)
