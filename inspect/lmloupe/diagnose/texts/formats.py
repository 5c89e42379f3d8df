"""How families of chat models write a conversation: the marks by which a prompt is recognized."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["FORMATS", "ChatFormat", "formats_in", "header_at_end", "misspelt"]


@dataclass(frozen=True, slots=True)
class ChatFormat:
    """The format of a family.

    Attributes:
        key: its name here.
        name: for people.
        marks: what stands in its prompts and in no other family's.
        header: what opens a turn, with the role at ``{role}``; empty where turns have no headers.
        roles: the roles that a header names, the assistant's first.
        ends: what ends a turn.
        asks: what a prompt ends with that asks for a reply.
        bos: what begins the text; empty where nothing does.
        adds_bos: its tokenizers write the bos themselves when they are simply called.
        tokenizer: the embedded one of the family; empty where there is none.
        models: what the names of its models have in them, in small letters.
    """

    key: str
    name: str
    marks: tuple[str, ...]
    header: str
    roles: tuple[str, ...]
    ends: tuple[str, ...]
    asks: str
    bos: str
    adds_bos: bool
    tokenizer: str
    models: tuple[str, ...]


# Sources: the chat templates that the families publish.
FORMATS = (
    ChatFormat(
        "llama-3", "Llama 3", ("<|start_header_id|>", "<|end_header_id|>", "<|eot_id|>", "<|begin_of_text|>"),
        "<|start_header_id|>{role}<|end_header_id|>", ("assistant", "user", "system", "ipython"), ("<|eot_id|>",),
        "<|start_header_id|>assistant<|end_header_id|>\n\n", "<|begin_of_text|>", True, "llama-3.1",
        ("llama-3", "llama3"),
    ),
    ChatFormat(
        "chatml", "ChatML (Qwen, SmolLM2)", ("<|im_start|>", "<|im_end|>"),
        "<|im_start|>{role}", ("assistant", "user", "system", "tool"), ("<|im_end|>",),
        "<|im_start|>assistant\n", "", False, "qwen2", ("qwen", "smollm"),
    ),
    ChatFormat(
        "phi-3", "Phi-3", ("<|user|>", "<|assistant|>", "<|system|>"),
        "<|{role}|>", ("assistant", "user", "system"), ("<|end|>", "<|endoftext|>"),
        "<|assistant|>\n", "", False, "phi-3", ("phi-3",),
    ),
    ChatFormat(
        "gemma", "Gemma", ("<start_of_turn>", "<end_of_turn>"),
        "<start_of_turn>{role}", ("model", "user"), ("<end_of_turn>",),
        "<start_of_turn>model\n", "<bos>", True, "", ("gemma",),
    ),
    ChatFormat(
        "llama-2", "Llama 2 and Mistral", ("[INST]", "[/INST]", "<<SYS>>"),
        "", (), ("</s>",), "[/INST]", "<s>", True, "", ("llama-2", "mistral", "mixtral"),
    ),
    ChatFormat(
        "deepseek", "DeepSeek", ("<｜User｜>", "<｜Assistant｜>"),
        "<｜{role}｜>", ("Assistant", "User"), ("<｜end▁of▁sentence｜>",),
        "<｜Assistant｜>", "<｜begin▁of▁sentence｜>", True, "", ("deepseek",),
    ),
)  # fmt: skip
_SPELLED = (
    *(mark for one in FORMATS for mark in (*one.marks, *one.ends) if mark.startswith("<")),
    "<|end_of_text|>", "<|eom_id|>", "<|python_tag|>", "<|finetune_right_pad_id|>", "<|endoftext|>",
)  # fmt: skip
_SHORTEST = 6


def formats_in(text: str) -> tuple[ChatFormat, ...]:
    r"""The families whose marks stand in a text, the one that begins it first.

    >>> [one.key for one in formats_in("<|im_start|>user\nHi<|eot_id|>")]
    ['chatml', 'llama-3']
    """
    places = {
        one.key: min(place for place in map(text.find, one.marks) if place >= 0)
        for one in FORMATS
        if any(mark in text for mark in one.marks)
    }
    return tuple(sorted((one for one in FORMATS if one.key in places), key=lambda one: places[one.key]))


def header_at_end(text: str, one: ChatFormat) -> tuple[str, int]:
    r"""The role of the last header of a prompt, and where it begins; an empty role and -1 where there is none.

    >>> header_at_end("<|im_start|>user\nHi<|im_end|>\n", FORMATS[1])
    ('user', 0)
    """
    found = [(text.rfind(one.header.format(role=role)), role) for role in one.roles]
    place, role = max(found, default=(-1, ""))
    return (role, place) if place >= 0 else ("", -1)


def misspelt(written: str) -> str:
    """The special token that somebody meant; empty where it is spelled right or means none.

    >>> misspelt("<beginOfText>"), misspelt("<|im_start>"), misspelt("<|im_start|>"), misspelt("<user>")
    ('<|begin_of_text|>', '<|im_start|>', '', '')
    """
    if written in _SPELLED:
        return ""
    plain = _plain(written)
    has_bar = "|" in written or "｜" in written
    meant = next((one for one in _SPELLED if _plain(one) == plain), "")
    return meant if meant and (has_bar or (len(plain) >= _SHORTEST and "_" in meant)) else ""


def _plain(written: str) -> str:
    return "".join(one for one in written.lower() if one.isalnum())
