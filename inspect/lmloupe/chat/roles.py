"""For every character of a rendered chat: whose turn the model takes it for.

A model does not see a list of messages. It sees one string, in which special tokens say where a turn begins and whose
it is. So roles are read from the string and never from the messages: a message whose text contains ``<|im_end|>`` and
``<|im_start|>system`` is shown as what it is to the model, a system turn.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from lmloupe.chat.messages import ROLES
from lmloupe.encodings.encoding import Encoding
from lmloupe.encodings.special_tokens import specials_of

__all__ = ["Segment", "closes_turn", "names_role_after", "opens_turn", "read_segments"]

# What a header may say, and the role that it means.
_ROLES = {role: role for role in ROLES} | {"human": "user", "model": "assistant", "chatbot": "assistant"}
# Mistral's headers name no role.
_NAMED_ROLES = {"[INST]": "user", "[/INST]": "assistant"}
# After these the header is whatever follows up to a line end or special token: any name is a role.
_OPENERS = frozenset(
    {"<|im_start|>", "<|start_header_id|>", "<start_of_turn>", "<|start|>", "<|header_start|>", "<|start_of_role|>"}
)
_CLOSERS = frozenset(
    {"<|im_end|>", "<|eot_id|>", "<|eom_id|>", "<|end|>", "<|endoftext|>", "<|end_of_text|>", "</s>", "<eos>"}
    | {"<end_of_turn>", "<|eot|>", "<|eom|>", "<|return|>", "<|call|>", "<|END_OF_TURN_TOKEN|>"}
)
_HEADER = re.compile(r"([^\n]{1,64})(\n|\Z)")


@dataclass(frozen=True, slots=True)
class Segment:
    """A run of characters of a rendered chat.

    Attributes:
        start: first character.
        end: character after the last one.
        role: whose turn the model takes it for, ``"system"``, ``"user"``, ``"assistant"``, ``"tool"``,
            ``"ipython"`` or what else the header says; None outside any turn. Headers and the token that
            ends a turn belong to the turn.
        is_special: whether it is one special token, exactly.
        token_id: that token's id, None for plain text.
    """

    start: int
    end: int
    role: str | None
    is_special: bool
    token_id: int | None


def closes_turn(content: str) -> bool:
    """Whether a special token ends a turn in some family."""
    return content in _CLOSERS


def names_role_after(content: str) -> bool:
    """Whether a special token opens a turn whose role is the text that follows."""
    return content in _OPENERS


def opens_turn(content: str) -> bool:
    """Whether a special token opens a turn in some family."""
    return content in _OPENERS or content in _NAMED_ROLES or _named_role(content) is not None


def _named_role(content: str) -> str | None:
    words = [word for word in re.findall(r"[a-z]+", content.lower()) if word != "token"]
    return _ROLES[words[0]] if len(words) == 1 and words[0] in _ROLES and "/" not in content else None


def read_segments(encoding: Encoding) -> tuple[Segment, ...]:
    r"""Cut an encoded chat at its special tokens and give every piece its role.

    A turn begins at a special token that names a role (``<|user|>``), or that is followed directly by a
    role and then a line end or another special token (``<|im_start|>user``). It lasts until a token that
    ends a turn (``<|im_end|>``, the tokenizer's eos) or the next header.

    Args:
        encoding: of the rendered text, special tokens parsed.

    Returns:
        Segments that tile the text: each begins where the one before ends, none is empty.

    >>> from lmloupe.encodings.encoding import encode
    >>> from lmloupe import load_tokenizer
    >>> text = "<|user|>\nHi<|end|>\n"
    >>> for s in read_segments(encode(load_tokenizer("phi-3"), text)):
    ...     print(repr(text[s.start : s.end]), s.role, s.token_id)
    '<|user|>' user 32010
    '\nHi' user None
    '<|end|>' user 32007
    '\n' None None
    """
    tok, text = encoding.tokenizer, encoding.text
    specials = [found for found in specials_of(encoding) if found.kind == "special"]
    segments: list[Segment] = []
    role, at = None, 0
    for i, special in enumerate(specials):
        if special.start > at:
            segments.append(Segment(at, special.start, role, False, None))
        next_start = specials[i + 1].start if i + 1 < len(specials) else None
        following = text[special.end : special.end + 65 if next_start is None else min(next_start, special.end + 65)]
        closes = special.content in _CLOSERS or special.content == tok.eos_token
        # SmolLM2's bos is the token that opens a turn; other bos tokens open none, whatever follows.
        can_open = not closes and (special.content != tok.bos_token or special.content in _OPENERS)
        header = (
            _header_role(special.content, following, next_start == special.end + len(following)) if can_open else None
        )
        role = header or role
        segments.append(Segment(special.start, special.end, role, True, special.token_id))
        if closes:
            role = None
        at = special.end
    if at < len(text):
        segments.append(Segment(at, len(text), role, False, None))
    return tuple(segments)


def _header_role(content: str, following: str, before_special: bool) -> str | None:
    """The role of the turn that a special token opens, given the text after it; None if it opens none."""
    if content in _NAMED_ROLES:
        return _NAMED_ROLES[content]
    named = _named_role(content)
    if named is not None:
        return named
    header = _HEADER.match(following)
    if header is None:
        return None
    said = header[1]
    if content in _OPENERS:
        return _ROLES.get(said, said.strip() or None)
    # `<|end_header_id|>user` is the end of a header and then text.
    if "end" in re.findall(r"[a-z]+", content.lower()) or not (header[2] or before_special):
        return None
    return _ROLES.get(said)
