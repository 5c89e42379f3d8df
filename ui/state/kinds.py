"""The kinds of settings: what counts as a value of each, and how a link writes it. Knows no page and no Streamlit."""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from dataclasses import dataclass, replace

import lmloupe as lm

__all__ = ["Setting", "choice", "flag", "integer", "place", "real", "samplers", "several"]

LLAMA_CPP = "llama.cpp"


@dataclass(frozen=True, slots=True)
class Setting:
    """One setting. ``check`` returns the value in its own type or raises ``ValueError`` with "must be ..." words."""

    name: str
    default: object
    check: Callable[[object], object]
    parse: Callable[[str], object] = str
    format: Callable[..., str] = str
    low: float | None = None
    high: float | None = None
    options: tuple[str, ...] = ()
    shown_from: int = 0
    """What a widget calls the value 0: 1 where people count from 1 and the arrays, and so the links, from 0."""
    names_tokenizers: bool = False
    """True where the value is the name of a tokenizer, or several names, so that an upload may be among them."""
    packed: bool = False
    """True where the value would be unreadable in a link anyway, so that it always goes there compressed."""
    longest_in_link: int | None = None
    """Characters up to which a text goes into the link; None where only the length of the link limits it."""
    of_frame: bool = False
    """True where the value stays the person's own while a lesson shows another page at a state of its own."""


def integer(name: str, default: int, low: int, high: int) -> Setting:
    """A whole number from ``low`` to ``high``."""

    def check(value: object) -> int:
        whole = isinstance(value, int) or (isinstance(value, float) and value.is_integer())
        if isinstance(value, bool) or not whole or not low <= value <= high:  # type: ignore[operator]
            raise ValueError(f"it must be a whole number from {low} to {high}")
        return int(value)  # type: ignore[call-overload, no-any-return]

    def parse(text: str) -> object:
        return int(text) if re.fullmatch(r"-?[0-9]{1,12}", text) else text

    return Setting(name, default, check, parse, str, low, high)


def place(name: str, default: int, high: int) -> Setting:
    """A position or a block: from 0 here, as in the library's arrays, from 1 in its widget."""
    return replace(integer(name, default, 0, high), shown_from=1)


def real(name: str, default: float, low: float, high: float) -> Setting:
    """A finite number from ``low`` to ``high``; a link writes the shortest form that reads back."""

    def check(value: object) -> float:
        number = isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)
        if not number or not low <= value <= high:  # type: ignore[operator]
            raise ValueError(f"it must be a number from {low:g} to {high:g}")
        return float(value)  # type: ignore[arg-type]

    def parse(text: str) -> object:
        return float(text) if re.fullmatch(r"-?[0-9]{1,12}(\.[0-9]{1,20})?(e-?[0-9]{1,3})?", text) else text

    def shortest(value: float) -> str:
        return str(int(value)) if value.is_integer() else repr(value)

    return Setting(name, default, check, parse, shortest, low, high)


def flag(name: str, default: bool) -> Setting:
    """On or off; a link writes 1 or 0."""

    def check(value: object) -> bool:
        if not isinstance(value, bool):
            raise ValueError("it must be 1 (on) or 0 (off)")
        return value

    def parse(text: str) -> object:
        return {"1": True, "0": False}.get(text, text)

    return Setting(name, default, check, parse, lambda value: "1" if value else "0")


def choice(name: str, default: str, options: tuple[str, ...]) -> Setting:
    """One of some words."""

    def check(value: object) -> str:
        if not isinstance(value, str) or value not in options:
            raise ValueError(f"it must be one of {', '.join(options)}")
        return value

    return Setting(name, default, check, options=options)


def several(name: str, default: tuple[str, ...], options: tuple[str, ...]) -> Setting:
    """Some of some words, in their own order; a link may name none of them."""

    def check(value: object) -> tuple[str, ...]:
        if not isinstance(value, tuple | list) or any(item not in options for item in value):
            raise ValueError(f"each must be one of {', '.join(options)}")
        return tuple(option for option in options if option in value)

    def parse(text: str) -> object:
        return text.split(",") if text else []

    return Setting(name, default, check, parse, ",".join, options=options)


def _order(name: str) -> Setting:
    """Every rule of `lmloupe.Sampling` once; a link calls llama.cpp's order by its name."""

    def check(value: object) -> tuple[str, ...]:
        if value == LLAMA_CPP:
            return lm.LLAMA_CPP_ORDER
        if not isinstance(value, tuple | list) or sorted(map(str, value)) != sorted(lm.TRANSFORMERS_ORDER):
            raise ValueError(f"it must be {LLAMA_CPP} or name every rule once: {', '.join(lm.TRANSFORMERS_ORDER)}")
        return tuple(value)

    def parse(text: str) -> object:
        return text if text == LLAMA_CPP else text.split(",")

    def written(value: tuple[str, ...]) -> str:
        return LLAMA_CPP if value == lm.LLAMA_CPP_ORDER else ",".join(value)

    return Setting(name, lm.TRANSFORMERS_ORDER, check, parse, written)


def _breakers(value: object) -> str:
    if not isinstance(value, str) or len(value) > 200:
        raise ValueError("it must be text of at most 200 characters, with spaces between the breakers")
    return value


def samplers(suffix: str = "") -> tuple[Setting, ...]:
    """The settings of `lmloupe.Sampling` beyond temperature, top-k, top-p, min-p and repetition penalty."""
    return (
        real(f"typical_p{suffix}", 1.0, 0.05, 1.0),
        real(f"epsilon_cutoff{suffix}", 0.0, 0.0, 0.5),
        real(f"eta_cutoff{suffix}", 0.0, 0.0, 0.5),
        real(f"top_h{suffix}", 0.0, 0.0, 1.0),
        real(f"top_n_sigma{suffix}", 0.0, 0.0, 10.0),
        integer(f"no_repeat_ngram_size{suffix}", 0, 0, 20),
        real(f"presence_penalty{suffix}", 0.0, -2.0, 2.0),
        real(f"frequency_penalty{suffix}", 0.0, -2.0, 2.0),
        real(f"dry_multiplier{suffix}", 0.0, 0.0, 5.0),
        real(f"dry_base{suffix}", 1.75, 1.0, 4.0),
        integer(f"dry_allowed_length{suffix}", 2, 1, 50),
        integer(f"dry_range{suffix}", 0, 0, 1_000_000),
        # Texts with spaces between them, a line break as \n: llama.cpp's own.
        Setting(f"dry_breakers{suffix}", '\\n : " *', _breakers),
        real(f"xtc_probability{suffix}", 0.0, 0.0, 1.0),
        real(f"xtc_threshold{suffix}", 0.1, 0.01, 0.5),
        real(f"mirostat_tau{suffix}", 0.0, 0.0, 12.0),
        real(f"mirostat_eta{suffix}", 0.1, 0.01, 1.0),
        _order(f"sampling_order{suffix}"),
    )
