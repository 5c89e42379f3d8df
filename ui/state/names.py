"""What counts as the name of a model or of a tokenizer, whether a person types it or a link brings it."""

from __future__ import annotations

import re
from collections.abc import Callable

import lmloupe as lm
from lmloupe import embedded_tokenizers

__all__ = [
    "MAX_TOKENIZERS",
    "PASTED",
    "UPLOAD",
    "card_key",
    "is_folder",
    "model_check",
    "planned_model",
    "precision_spec",
    "tokenizer_name",
    "tokenizer_names",
]

MAX_TOKENIZERS = 8
UPLOAD = "upload:"
"""Before the name of a file that a session has uploaded (`ui.state.uploads`)."""

PASTED = "pasted"
"""In place of a model's name: the config.json that a person pasted."""

MAX_PATH_CHARACTERS = 1000
MAX_UPLOAD_CHARACTERS = 200

# A hub id as the hub restricts it: two parts, neither of which starts with a dot, so no path climbs out of a folder.
_HUB_ID = re.compile(r"[A-Za-z0-9][\w.\-]{0,95}/[A-Za-z0-9][\w.\-]{0,95}", re.ASCII)
# A folder that is written as one: from the root, the home folder or the working directory, on any system.
_FOLDER = re.compile(r"/(?!/)|~|\.{1,2}[/\\]|[A-Za-z]:[/\\]")
_OR = "a hub id such as owner/name, or a folder of the machine that LM Loupe runs on, written from its root, such as"


def is_folder(written: str) -> bool:
    """Whether it is written as a folder of this machine."""
    # No shares of other machines: to look into one, Windows sends it the person's name and a hash of the password.
    return bool(_FOLDER.match(written)) and len(written) <= MAX_PATH_CHARACTERS and written.isprintable()


def model_check(embedded: str) -> Callable[[object], str]:
    """A check of names of models, of which one is embedded."""

    def check(value: object) -> str:
        written = value.strip() if isinstance(value, str) else ""
        if written == embedded or _HUB_ID.fullmatch(written) or is_folder(written):
            return written
        raise ValueError(f"it must be {embedded}, {_OR} /home/me/model")

    return check


def planned_model(embedded: str) -> Callable[[object], str]:
    """A check of what the planner can count: a known model, any that can be loaded, or a config that was pasted."""
    loaded = model_check(embedded)

    def check(value: object) -> str:
        written = value.strip() if isinstance(value, str) else ""
        if written == PASTED or written in {model.key for model in lm.known_models()}:
            return written
        try:
            return loaded(value)
        except ValueError:
            raise ValueError(f"it must be one of the known models, {_OR} /home/me/model") from None

    return check


def card_key(value: object) -> str:
    """A card of Planner. Which there are is asked when a value comes: to see this machine's GPU takes torch.

    Raises:
        ValueError: it is none.
    """
    known = [card.key for card in lm.known_cards()]
    if not isinstance(value, str) or value not in known:
        raise ValueError(f"it must be one of {', '.join(known)}")
    return value


def precision_spec(value: object) -> str:
    """A precision in its short form, such as ``nf4+double``.

    Raises:
        ValueError: it is none.
    """
    try:
        return lm.Precision.parse(value if isinstance(value, str) else "").spec
    except lm.InputError as error:
        raise ValueError(f"it must name a precision: {str(error).removesuffix('.')}") from error


def tokenizer_name(value: object) -> str:
    """The name of a tokenizer: embedded, of the hub, a folder or an upload.

    Raises:
        ValueError: none of these.

    >>> tokenizer_name(" phi-3 "), tokenizer_name("~/tokenizer"), tokenizer_name("upload:tokenizer.json")
    ('phi-3', '~/tokenizer', 'upload:tokenizer.json')
    """
    known = embedded_tokenizers()
    written = value.strip() if isinstance(value, str) else ""
    upload = written.startswith(UPLOAD) and len(written) <= MAX_UPLOAD_CHARACTERS and written.isprintable()
    if written in known or _HUB_ID.fullmatch(written) or is_folder(written) or upload:
        return written
    raise ValueError(f"it must be one of {', '.join(known)}, {_OR} /home/me/tokenizer")


def tokenizer_names(value: object) -> tuple[str, ...]:
    """The names of several tokenizers, each once.

    Raises:
        ValueError: too many, or something that is no such name.
    """
    if not isinstance(value, list | tuple) or len(value) > MAX_TOKENIZERS:
        raise ValueError(f"it must name at most {MAX_TOKENIZERS} tokenizers")
    names = tuple(dict.fromkeys(tokenizer_name(item) for item in value))
    if any("," in name for name in names):
        raise ValueError("it must have no comma, which parts the names in a link: give the folder another name")
    return names
