"""Say what an error, a warning, a prompt, a template or a config means."""

from __future__ import annotations

from collections.abc import Iterator

from lmloupe.diagnose.known import KNOWN, known_messages
from lmloupe.diagnose.places import Places
from lmloupe.diagnose.raised import Raised, installed, read_raised
from lmloupe.diagnose.results import Diagnosis
from lmloupe.diagnose.texts.codes import code_findings
from lmloupe.diagnose.texts.configs import config_findings, looks_like_config
from lmloupe.diagnose.texts.prompts import prompt_findings
from lmloupe.diagnose.texts.templates import looks_like_template, template_findings
from lmloupe.errors import InvalidTextError

__all__ = ["MAX_CHARACTERS", "diagnose"]

MAX_CHARACTERS = 1_000_000
_ORDER = ("error", "config", "template", "prompt", "warning")
_ALWAYS_NAMED = ("transformers", "torch", "bitsandbytes", "accelerate")


def diagnose(text: str) -> tuple[Diagnosis, ...]:
    """What a pasted text means: an error or a log, a warning, a rendered prompt, a chat template, a config, a script.

    Some sixty messages of transformers, torch, bitsandbytes, accelerate and the hub are known, most of them tested by
    raising them. Prompts are encoded by the family's own tokenizer, templates are rendered in a separate process,
    configs and scripts are read from their syntax tree and never executed. Everything stays on this machine. All
    searching takes time linear in the text (RE2). Imports no torch.

    Args:
        text: at most 1,000,000 characters.

    Returns:
        Every finding once, errors first; messages in the order of the text, others the weightiest first. Empty for a
        text that is blank; for any other one that nothing is known of, one finding whose key is ``"unknown"`` says what
        can be said.

    Raises:
        InvalidTextError: too long, or a lone surrogate in it.

    >>> [found] = diagnose("A decoder-only architecture is being used, but right-padding was detected!")
    >>> found.key, found.kind, found.library, found.page
    ('right_padding', 'warning', 'transformers', '/padding?padding_side=right')
    >>> found.after
    'tokenizer = AutoTokenizer.from_pretrained(name, padding_side="left")'
    """
    if len(text) > MAX_CHARACTERS:
        raise InvalidTextError(
            f"The text has {len(text):,} characters: paste at most {MAX_CHARACTERS:,}, the end of a log first."
        )
    try:
        places = Places(text.removeprefix("\ufeff"))
    except UnicodeEncodeError as error:
        raise InvalidTextError("The text has half of a surrogate pair in it, which is not a character.") from error
    if not places.text.strip():
        return ()
    raised = read_raised(places.data)
    found: dict[str, Diagnosis] = {}
    messages = sorted(known_messages(places), key=lambda one: one.start)
    for one in (*messages, *_of_its_own(places, raised)):
        found.setdefault(one.key, one)
    if not found:
        return (_unknown(places, raised),)
    return tuple(sorted(found.values(), key=lambda one: _ORDER.index(one.kind)))


def _of_its_own(places: Places, raised: Raised | None) -> Iterator[Diagnosis]:
    """Findings about a text that is no log: what it is decides how it is read."""
    if raised is not None:
        return
    if looks_like_template(places.text):
        yield from template_findings(places)
    elif looks_like_config(places.text):
        yield from config_findings(places)
        yield from code_findings(places)
    else:
        yield from code_findings(places)
        yield from prompt_findings(places)


def _unknown(places: Places, raised: Raised | None) -> Diagnosis:
    if raised is None:
        start = len(places.text) - len(places.text.lstrip())
        means = "Nothing in this text is known here: no message, no prompt of a known family, no template, no config."
        why = f"{len(KNOWN)} messages are known. Paste the last lines of the error, with the name of the exception."
        first = places.text[start:].split("\n", 1)[0]
        return Diagnosis(
            "unknown", "error", means, why, "", "", start, start + len(first), places.line_of(start), 1, "", ""
        )
    source = (
        f" It was raised in {raised.library}/{raised.file}" if raised.library else " No library's file is in the text"
    )
    versions = ", ".join(installed(name) for name in dict.fromkeys([raised.library, *_ALWAYS_NAMED]) if name)
    article = "An" if raised.exception[0] in "AEIOU" else "A"
    return Diagnosis(
        key="unknown",
        kind="error",
        means=f"{article} {raised.exception} that is not known "
        f"here{f', from {raised.library}' if raised.library else ''}.",
        why=f"{f'It says: {raised.message}. ' if raised.message else ''}{source.strip()}. Installed here: {versions}. "
        "Compare them with yours: most errors of this kind come from another version.",
        before="",
        after="",
        start=places.span(raised.start, raised.end)[0],
        end=places.span(raised.start, raised.end)[1],
        line=places.span(raised.start, raised.end)[2],
        times=1,
        page="",
        library=raised.library,
    )
