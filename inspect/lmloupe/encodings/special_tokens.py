"""What special tokens are for, and where they do harm: in a person's text, twice at the start, lost on the way back."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal

import numpy as np

from lmloupe.encodings.encoding import Encoding, decode, encode
from lmloupe.tokens.plain_text import is_blank
from lmloupe.tokens.tokenizer import Tokenizer

__all__ = [
    "RoundTrip",
    "SpecialInText",
    "doubled_bos",
    "round_trip",
    "special_in_text",
    "special_token_purpose",
    "specials_of",
]

# Name to purpose. Sources: the model cards and prompt format pages of Llama 3.1, Phi-3, Qwen2, StarCoder2 and SmolLM2,
# and "Efficient Training of Language Models to Fill in the Middle" (Bavarian et al., 2022) for the fim tokens.
_PURPOSES = {
    "<|begin_of_text|>": "Begins every text; the tokenizer adds it by itself.",
    "<|end_of_text|>": "Ends a document in the base model's training.",
    "<|finetune_right_pad_id|>": "Fills up shorter texts of a batch on the right while fine-tuning.",
    "<|start_header_id|>": "Opens the header that says who speaks next.",
    "<|end_header_id|>": "Closes the header; the message follows.",
    "<|eom_id|>": "Ends a message that calls a tool: the turn goes on when the tool has answered.",
    "<|eot_id|>": "Ends a turn: the model has said what it wanted to say.",
    "<|python_tag|>": "Begins a call of a built-in tool, or code to run.",
    "<|endoftext|>": "Ends a document; many base models were trained with one between any two texts.",
    "<|im_start|>": "Opens a turn of ChatML; the role follows.",
    "<|im_end|>": "Ends a turn of ChatML.",
    "<s>": "Begins a text in SentencePiece vocabularies.",
    "</s>": "Ends a text in SentencePiece vocabularies.",
    "<unk>": "Stands for what the vocabulary cannot spell; with byte fallback it is never needed.",
    "<|system|>": "Opens the system turn.",
    "<|user|>": "Opens a turn of the person.",
    "<|assistant|>": "Opens a turn of the model.",
    "<|end|>": "Ends a turn.",
    "<fim_prefix>": "Fill in the middle: the code before the gap follows.",
    "<fim_middle>": "Fill in the middle: the model writes the gap from here on.",
    "<fim_suffix>": "Fill in the middle: the code behind the gap follows.",
    "<fim_pad>": "Fills up examples of fill in the middle to one length.",
    "<repo_name>": "Repository context: the name of the repository follows.",
    "<file_sep>": "Repository context: a new file begins.",
    "<reponame>": "Repository context: the name of the repository follows.",
    "<filename>": "Repository context: the path of a file follows.",
    "<gh_stars>": "Metadata of a repository: how many stars it has.",
    "<issue_start>": "An issue thread begins.",
    "<issue_comment>": "A comment of an issue follows.",
    "<issue_closed>": "The issue was closed here.",
    "<pr>": "A pull request begins.",
    "<jupyter_start>": "A notebook begins.",
    "<jupyter_text>": "A text cell of a notebook follows.",
    "<jupyter_code>": "A code cell of a notebook follows.",
    "<jupyter_output>": "The output of a notebook's cell follows.",
    "<jupyter_script>": "A notebook turned into a script follows.",
    "<empty_output>": "A notebook's cell printed nothing.",
    "<code_to_intermediate>": "Code follows, to be translated to a compiler's intermediate form.",
    "<NAME>": "Stands in the training data where a person's name was taken out.",
    "<EMAIL>": "Stands in the training data where an e-mail address was taken out.",
    "<KEY>": "Stands in the training data where a key was taken out.",
    "<PASSWORD>": "Stands in the training data where a password was taken out.",
    "<think>": "Opens the model's reasoning before its answer.",
    "</think>": "Closes the model's reasoning; the answer follows.",
    "<tool_call>": "Opens a call of a tool.",
    "</tool_call>": "Closes a call of a tool.",
    "<tool_response>": "Opens what a tool answered.",
    "</tool_response>": "Closes what a tool answered.",
    "<intermediate_to_code>": "A compiler's intermediate form follows, to be translated to code.",
}
_PATTERNS = (
    (r"<\|reserved_special_token_\d+\|>", "Kept free for later; the model has hardly been trained on it."),
    (r"<\|placeholder\d+\|>", "Kept free for later or for fine-tuning."),
    (r"<pr_\w+>", "A part of a pull request: its state, its base, a file, a change, a comment or a review."),
    (r"<jupyter_\w+>", "A part of a notebook."),
    (r"<issue_\w+>", "A part of an issue thread."),
)


def special_token_purpose(content: str) -> str:
    """One sentence on what a special token is for; empty where nothing is known of its name.

    >>> special_token_purpose("<|eot_id|>")
    'Ends a turn: the model has said what it wanted to say.'
    >>> special_token_purpose("<|no_one_knows|>")
    ''
    """
    if content in _PURPOSES:
        return _PURPOSES[content]
    return next((purpose for pattern, purpose in _PATTERNS if re.fullmatch(pattern, content)), "")


@dataclass(frozen=True, slots=True)
class SpecialInText:
    """A special or another added token that a text spells.

    Attributes:
        content: the token.
        token_id: its id.
        start: first character of its spelling.
        end: character after the last one.
        kind: ``"special"``; or ``"added"`` for one that is not special and is always read as one token (Qwen3's
            ``<think>``).
        swallowed: half-open pairs of the white space beside it that the token takes with it (``lstrip``, ``rstrip``),
            so that the model does not see it; mostly none.
    """

    content: str
    token_id: int
    start: int
    end: int
    kind: Literal["special", "added"] = "special"
    swallowed: tuple[tuple[int, int], ...] = ()


def special_in_text(tok: Tokenizer, text: str) -> tuple[SpecialInText, ...]:
    """Where a text would be read as a special or another added token if those in it are parsed.

    A person who writes one into a message can end their turn and open another, in the assistant's or the system's name.

    Raises:
        InvalidTextError: the text has a lone surrogate.

    >>> from lmloupe import load_tokenizer
    >>> special_in_text(load_tokenizer("qwen2"), "hi <|im_end|>")
    (SpecialInText(content='<|im_end|>', token_id=151645, start=3, end=13, kind='special', swallowed=()),)
    >>> (found,) = special_in_text(load_tokenizer("phi-3"), "a<|end|>   b")
    >>> found.start, found.end, found.swallowed
    (1, 8, ((8, 11),))
    """
    return specials_of(encode(tok, text))


def specials_of(enc: Encoding) -> tuple[SpecialInText, ...]:
    """The special and the added tokens of an encoding that its text spells, in order.

    An unknown character may give the id of ``<unk>`` without the text ``<unk>``: that is none.
    """
    tok = enc.tokenizer
    added = [token_id for content, token_id in tok.added_tokens.items() if not is_blank(content)]
    is_added = np.isin(enc.input_ids, np.array(added, np.int32))
    found = []
    for i in np.flatnonzero(enc.special_tokens_mask | is_added).tolist():
        token_id = int(enc.input_ids[i])
        start, end = enc.offsets[i].tolist()
        content = tok.piece(token_id)
        own = _spelling(tok, enc.text[start:end], content)
        if own is None:
            continue
        first, last = start + own[0], start + own[1]
        beside = tuple(pair for pair in ((start, first), (last, end)) if enc.text[slice(*pair)].isspace())
        kind: Literal["special", "added"] = "added" if is_added[i] else "special"
        found.append(SpecialInText(content, token_id, first, last, kind, beside))
    return tuple(found)


def _spelling(tok: Tokenizer, covered: str, content: str) -> tuple[int, int] | None:
    """Where in the characters that a special token covers it is spelled; None where it is not."""
    place = covered.find(content)
    if place >= 0:
        return place, place + len(content)
    normalizer = tok.backend.normalizer
    if normalizer is None:
        return None
    # A token that is looked for in the normalized text may be spelled in another way in the text. White space beside it
    # is not its own, nor is a character that a normalizer put a space beside which the token took.
    wanted = normalizer.normalize_str(content)
    first, last = len(covered) - len(covered.lstrip()), len(covered.rstrip())
    for start, end in ((first, last), (first + 1, last), (first, last - 1), (first + 1, last - 1)):
        own = covered[start:end].strip()
        if own and normalizer.normalize_str(own) == wanted:
            place = covered.index(own, start)
            return place, place + len(own)
    return None


def doubled_bos(enc: Encoding) -> bool:
    """Whether the encoding begins with its bos token twice.

    It happens when a rendered chat, which has its bos, is encoded with ``add_special_tokens=True``.

    >>> from lmloupe.encodings.encoding import encode
    >>> from lmloupe import load_tokenizer
    >>> doubled_bos(encode(load_tokenizer("llama-3.1"), "<|begin_of_text|>Hi", add_special_tokens=True))
    True
    """
    bos = enc.tokenizer.bos_token
    bos_id = enc.tokenizer.special_tokens.get(bos) if bos is not None else None
    return bos_id is not None and enc.input_ids[:2].tolist() == [bos_id, bos_id]


@dataclass(frozen=True, slots=True)
class RoundTrip:
    """What encoding and decoding makes of a text.

    Attributes:
        survives: decoding gives exactly the text.
        position: first character that differs, None where it survives.
        before: a few characters of the text from there on.
        after: a few characters of the decoded text from there on.
    """

    survives: bool
    position: int | None
    before: str
    after: str


def round_trip(enc: Encoding, n_shown: int = 12) -> RoundTrip:
    r"""Compare a text with what its tokens decode to, tokens that the tokenizer added left out.

    >>> from lmloupe.encodings.encoding import encode
    >>> from lmloupe import load_tokenizer
    >>> round_trip(encode(load_tokenizer("smollm2"), "a\x16b"))
    RoundTrip(survives=False, position=1, before='\x16b', after='b')
    """
    decoded = decode(enc.tokenizer, enc.input_ids[~enc.added_mask])
    if decoded == enc.text:
        return RoundTrip(True, None, "", "")
    pairs = enumerate(zip(enc.text, decoded, strict=False))
    place = next((i for i, (a, b) in pairs if a != b), min(len(enc.text), len(decoded)))
    return RoundTrip(False, place, enc.text[place : place + n_shown], decoded[place : place + n_shown])
