"""What a known message looks like, and what is said about it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from urllib.parse import urlencode

from lmloupe.diagnose.results import DiagnosisKind

__all__ = ["Adapt", "Pattern", "address"]

Adapt = Callable[[Mapping[str, str], str], Mapping[str, str]]
"""From the named groups of what matched, and the whole text, to fields of the pattern that read differently here."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Pattern:
    """One known message.

    Attributes:
        key: its name.
        kind: an error ends a program, a warning does not.
        library: who writes it, as pip calls it.
        seen: regular expressions of RE2, capitals ignored, any of which is enough. A space matches any white space, as
            terminals and notebooks break long lines.
        means: as in `lmloupe.Diagnosis`, and so are the next ones.
        why: the reason.
        before: the code as it most probably is.
        after: the code as it should be.
        page: address of the page that shows it.
        adapt: what reads differently for this very match.
    """

    key: str
    kind: DiagnosisKind
    library: str
    seen: tuple[str, ...]
    means: str
    why: str
    before: str = ""
    after: str = ""
    page: str = ""
    adapt: Adapt | None = None


def address(page: str, **settings: object) -> str:
    """The address of a page with some settings, as a link writes them.

    >>> address("padding", padding_side="right")
    '/padding?padding_side=right'
    >>> address("chat")
    '/chat'
    """
    written = {
        name: ("1" if value else "0") if isinstance(value, bool) else str(value) for name, value in settings.items()
    }
    return f"/{page}?{urlencode(written)}" if written else f"/{page}"
