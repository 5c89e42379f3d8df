"""Figures 1 to 4: a word, its tokens, where other families cut it, the merges that did it, and special tokens."""

from __future__ import annotations

from collections.abc import Mapping

import streamlit as st

import lmloupe as lm
from lmloupe.encodings.alignment import align
from lmloupe.merges.comparison import MergeComparison
from lmloupe.merges.fork import compare_merges
from ui.base import theme
from ui.base.chips import chips
from ui.base.errors import escape_markdown
from ui.base.labels import token_label
from ui.base.loaders import display_name, encoding, tokenizer
from ui.base.words import counted
from ui.components.merge_tree import merge_tree
from ui.components.ruler import ruler
from ui.components.token_view import TokenRow, token_view
from ui.learn.door.figure import Figure
from ui.state import store as state
from ui.state.settings import SETTINGS

__all__ = ["FAMILIES", "covered", "said", "word_figures"]

FAMILIES = ("llama-3.1", "phi-3", "qwen2", "starcoder2")
LLAMA, BESIDE = FAMILIES[0], FAMILIES[1]
WORD = str(SETTINGS["door_word"].default)
SPECIAL = str(SETTINGS["door_special_text"].default)
LETTERS_REM = 6.0
_WAYS = ("They all cut it alike", "In two ways", "In three ways", "In four ways")


def said(sentence: str) -> None:
    """What a figure shows, in one sentence of plain text, above it."""
    st.subheader(escape_markdown(sentence), anchor=False)


def covered(*pieces: str, size_rem: float = 2.5) -> None:
    """What a figure begins with, in boxes of one colour as large as its stage lets them be; nothing of its answer."""
    chips(pieces, colours=(theme.ground(),), size_rem=size_rem, fit=True)


def some(text: str) -> str:
    """The text, if there is any.

    Raises:
        lmloupe.InputError: there is none.
    """
    if not text.strip():
        raise lm.InputError("There is no text here: write at least one letter under “Try this”.")
    return text


def _letters(name: str) -> None:
    covered(*state.get(name), size_rem=LETTERS_REM)


# One word.


def _show_word() -> None:
    word = some(state.get("door_word"))
    enc = encoding(LLAMA, word, False, False)
    said(f"You read {counted(len(word), 'character')}; {display_name(LLAMA)} reads {counted(len(enc), 'token')}")
    chips([token_label(tokenizer(LLAMA), token.id) for token in enc.tokens], size_rem=LETTERS_REM, fit=True)
    token_view([TokenRow(display_name(LLAMA), enc, family=LLAMA)], text=word, key="door_word_tokens", show="both")


def _word_code() -> str:
    return f"""
import lmloupe as lm

tok = lm.load_tokenizer({LLAMA!r})
enc = lm.encode(tok, {state.get("door_word")!r}, parse_special_tokens=False)
print(len(enc), [(token.text, token.id) for token in enc.tokens])
"""


# Four families.


def _cut(word: str) -> dict[str, lm.Encoding]:
    return {name: encoding(name, word, False, False) for name in FAMILIES}


def ways(encodings: Mapping[str, lm.Encoding]) -> list[list[str]]:
    """The names of the tokenizers that cut a text alike, group by group."""
    groups: dict[tuple[tuple[int, int], ...], list[str]] = {}
    for name, enc in encodings.items():
        cuts = tuple((int(start), int(end)) for start, end in enc.offsets)
        groups.setdefault(cuts, []).append(name)
    return list(groups.values())


def _ways_sentence(word: str, groups: list[list[str]]) -> str:
    if len(groups) == 1:
        return f"All four families cut “{word}” alike"
    parts = [" and ".join(display_name(name) for name in group) for group in groups]
    return f"“{word}” is cut in {len(groups)} ways: {'; '.join(parts)}"


def _show_families() -> None:
    word = some(state.get("door_cut_word"))
    encodings = _cut(word)
    said(_ways_sentence(word, ways(encodings)))
    names = [display_name(name) for name in encodings]
    ruler(align(list(encodings.values())), names, FAMILIES, start=0, n_shown=len(word), key="door_ruler")
    st.caption(
        escape_markdown("; ".join(f"{display_name(name)} {len(enc)}" for name, enc in encodings.items())) + " tokens"
    )


def _families_code() -> str:
    return f"""
import lmloupe as lm

for name in {FAMILIES!r}:
    enc = lm.encode(lm.load_tokenizer(name), {state.get("door_cut_word")!r}, parse_special_tokens=False)
    print(name, len(enc), [token.text for token in enc.tokens])
"""


# Merges.


def _merges(word: str) -> MergeComparison:
    return compare_merges(tokenizer(LLAMA), tokenizer(BESIDE), word, at_start=not word.startswith(" "))


def _first_merge() -> str:
    side = _merges(WORD).sides[0]
    node = side.nodes[0]
    return f"{side.spell(node.start, node.middle)} + {side.spell(node.middle, node.end)}"


def _show_merges() -> None:
    word = some(state.get("door_merge_word"))
    both = _merges(word)
    names = display_name(LLAMA), display_name(BESIDE)
    says = both.sentence(*names)
    said(says.removesuffix("."))
    sides = [(names[i], theme.family_colour((LLAMA, BESIDE)[i]), side) for i, side in enumerate(both.sides)]
    drawn = [one for one in sides if one[2].aligned]
    if not drawn:
        st.caption(
            "Both tokenizers rewrite this word before they merge, so that its letters are not those of the merges."
        )
        return
    rest = merge_tree(
        word, drawn, fork=both.fork if len(drawn) == len(sides) else None, says=says,
        step=state.get("door_merge_step"), speed=state.get("door_merge_speed"), key="door_merges",
    )  # fmt: skip
    if rest is not None:
        last = max(len(side.nodes) for _, _, side in drawn)
        step, speed = rest
        state.keep(
            door_merge_step=step if step <= last else SETTINGS["door_merge_step"].default, door_merge_speed=speed
        )


def _merges_way() -> tuple[str, dict[str, object]]:
    values = {
        "text": state.get("door_merge_word"), "tokenizer": LLAMA, "compare_with": BESIDE,
        "add_special_tokens": False, "place": 0,
        "merge_step": state.get("door_merge_step"), "merge_speed": state.get("door_merge_speed"),
    }  # fmt: skip
    return "how_it_splits", values


def _merges_code() -> str:
    word = state.get("door_merge_word")
    return f"""
import lmloupe as lm

llama, phi = lm.load_tokenizer({LLAMA!r}), lm.load_tokenizer({BESIDE!r})
both = lm.compare_merges(llama, phi, {word!r}, at_start={not word.startswith(" ")})
for side in both.sides:
    print([(side.spell(node.start, node.middle), side.spell(node.middle, node.end)) for node in side.nodes])
print(both.sentence("Llama 3.1", "Phi-3"))
"""


# Special tokens.


def _show_special() -> None:
    text, parse = some(state.get("door_special_text")), state.get("door_special_read")
    enc = encoding(LLAMA, text, False, parse)
    n_special = sum(enc.special_tokens_mask)
    if len(enc) == 1:
        kind = "a special one" if n_special else "an ordinary one"
    else:
        kind = f"{n_special} of them special" if n_special else "none of them special"
    said(f"“{text}” is {counted(len(enc), 'token')}, {kind}")
    token_view([TokenRow(display_name(LLAMA), enc, family=LLAMA)], text=text, key="door_special_tokens", show="both")


def _special_code() -> str:
    return f"""
import lmloupe as lm

tok = lm.load_tokenizer({LLAMA!r})
enc = lm.encode(tok, {state.get("door_special_text")!r}, parse_special_tokens={state.get("door_special_read")})
print(len(enc), [(token.text, token.id) for token in enc.tokens], enc.special_tokens_mask.tolist())
"""


def _special_control() -> None:
    state.text_input("door_special_text", "Text", label_visibility="collapsed")
    state.toggle("door_special_read", "Read special tokens")


def _tokens_way(name: str, tokenizers: tuple[str, ...], show: str, *, parse: bool) -> tuple[str, dict[str, object]]:
    values = {
        "text": state.get(name), "tokenizers": tokenizers, "show_tokens": show, "parse_special_tokens": parse,
        "add_special_tokens": False, "card_of": "", "card_id": -1, "place": -1,
    }  # fmt: skip
    return "tokens", values


def _word_control(name: str) -> str:
    return state.text_input(name, "Word", label_visibility="collapsed")


def word_figures() -> tuple[Figure, ...]:
    """The four."""
    return (
        Figure(
            "word",
            "A word becomes tokens",
            "A model reads no letters. A *tokenizer* first cuts a text into *tokens*, pieces that it knows by number.",
            f"How many tokens is “{WORD}” to Llama 3.1?",
            ("1", "2", "3", "7"),
            lambda: str(len(encoding(LLAMA, WORD, False, False))),
            lambda: _letters("door_word"),
            _show_word,
            "write “ coconut” with a space in front, or your own name.",
            lambda: _word_control("door_word"),
            lambda: _tokens_way("door_word", (LLAMA,), "both", parse=False),
            _word_code,
        ),
        Figure(
            "families",
            "Each family cuts in its own way",
            "A tokenizer is made once for a family of models, from texts that its makers chose.",
            f"Llama 3.1, Phi-3, Qwen2 and StarCoder2: in how many ways do they cut “{WORD}”?",
            _WAYS,
            lambda: _WAYS[len(ways(_cut(WORD))) - 1],
            lambda: _letters("door_cut_word"),
            _show_families,
            "write “cooking”: who cuts off “ing”?",
            lambda: _word_control("door_cut_word"),
            lambda: _tokens_way("door_cut_word", FAMILIES, "text", parse=False),
            _families_code,
        ),
        Figure(
            "merges",
            "Merges made the cuts",
            "A tokenizer begins with single letters and *merges* two neighbours again and again, the pair first that "
            "it learned first.",
            f"Which two letters of “{WORD}” does Llama 3.1 join first?",
            ("c + o", "o + n", "n + u", "u + t"),
            _first_merge,
            lambda: _letters("door_merge_word"),
            _show_merges,
            "move the slider, or write another word: where do the two part?",
            lambda: _word_control("door_merge_word"),
            _merges_way,
            _merges_code,
        ),
        Figure(
            "special",
            "Some tokens are no text",
            "*Special tokens* tell a model where a text or a turn begins and ends. They are written like text, but "
            "each is one entry of the vocabulary.",
            f"How many tokens is “{SPECIAL}” to Llama 3.1?",
            ("1", "5", "7", str(len(SPECIAL))),
            lambda: str(len(encoding(LLAMA, SPECIAL, False, True))),
            lambda: covered(SPECIAL),
            _show_special,
            "write “<beginOfText>”, which looks much the same, or turn the switch off.",
            _special_control,
            lambda: _tokens_way("door_special_text", (LLAMA,), "both", parse=state.get("door_special_read")),
            _special_code,
        ),
    )
