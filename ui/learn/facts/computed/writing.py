"""Facts about choosing tokens and writing: sampling, passes, the cache, batches and grammars."""

from __future__ import annotations

from functools import cache
from typing import Literal

import numpy as np

import lmloupe as lm
from ui.learn.facts.computed.model import answer_to, ids_of, loaded, single
from ui.learn.facts.registry import fact

__all__ = [
    "allowed_answer",
    "cache_bytes",
    "cache_kilobytes",
    "draft_passes",
    "first_written",
    "kept_tokens",
    "more_probable",
    "padding_bits",
    "padding_bits_rounded",
    "padding_result",
    "padding_token",
    "read_again",
    "reply",
    "reply_end",
    "reply_passes",
    "sampled_share",
]

_GREEDY = lm.Sampling(temperature=0)


@fact(slow=True)
def sampled_share(*, text: str, token: str, temperature: float = 1.0, top_p: float = 1.0, top_k: int = 0) -> float:
    """Probability with which a token is drawn after a text under these sampling settings, from 0 to 1.

    >>> sampled_share(text="The capital of France is", token=" Paris", temperature=0)
    1.0
    """
    return float(_stage(text, temperature, top_p, top_k).probs[single(token)])


@fact(slow=True)
def kept_tokens(*, text: str, temperature: float = 1.0, top_p: float = 1.0, top_k: int = 0) -> int:
    """Number of tokens that can still be drawn after a text under these sampling settings.

    >>> kept_tokens(text="The capital of France is", top_k=5)
    5
    """
    return int(_stage(text, temperature, top_p, top_k).kept.sum())


@fact(slow=True)
def reply(*, question: str, ask: bool = True) -> str:
    """What the model replies to a question in its chat format (greedy); without ``ask`` no reply is asked for.

    >>> reply(question="What is the capital of France?")
    'The capital of France is Paris.'
    """
    special = loaded().tokenizer.special_tokens
    text = "".join(step.text for step in _reply(question, ask))
    return text.removesuffix(next((one for one in special if text.endswith(one)), ""))


@fact(slow=True)
def reply_passes(*, question: str, counted: Literal["reply", "prompt"] = "reply") -> int:
    """Passes of the model that the reply takes, one for each of its tokens; or the tokens of its prompt.

    >>> reply_passes(question="What is the capital of France?")
    8
    """
    return len(_reply(question, True) if counted == "reply" else _prompt(question, True))


@fact(slow=True)
def cache_bytes(*, tokens: int) -> int:
    """Bytes of the keys and values that the model keeps of so many tokens.

    >>> cache_bytes(tokens=1)
    46080
    """
    return tokens * _cache_of_one()


@fact(slow=True)
def draft_passes(*, text: str, tokens: int) -> int:
    """Passes of the model for so many tokens by prompt lookup: drafts of five tokens, each checked in one pass.

    >>> draft_passes(text="One, two, three, one, two, three, one, two,", tokens=16)
    3
    """
    return lm.speculation_totals(list(loaded().speculate(ids_of(text), "prompt_lookup", _GREEDY, tokens))).n_passes


@fact(slow=True)
def allowed_answer(*, text: str, choices: str) -> str:
    """What the model writes after a text when only these answers are allowed; ``choices`` are parted by commas.

    >>> allowed_answer(text="Is Paris in France? Answer: ", choices="yes,no")
    'no'
    """
    rule = lm.Constraint.choices(choices.split(","))
    return "".join(step.text for step in loaded().generate(ids_of(text), _GREEDY, constraint=rule))


@fact(slow=True)
def padding_bits(*, prompt: str, other: str, side: Literal["left", "right"], mask: bool = True) -> float:
    """How far a batch with a longer prompt moves a prompt's next-token probabilities, in bits (KL divergence).

    >>> padding_bits(prompt="Once upon a", other="The capital of France is", side="left") < 0.001
    True
    """
    return float(_batch(prompt, other, side, mask).divergence_bits[0])


@fact(slow=True)
def padding_token(*, prompt: str, other: str, side: Literal["left", "right"]) -> str:
    """First guess after a prompt in a batch with a longer one, without spaces around it.

    >>> padding_token(prompt="Once upon a", other="The capital of France is", side="left")
    'time'
    """
    row = _batch(prompt, other, side, True).logits[0]
    return lm.decode(loaded().tokenizer, [int(row.argmax())]).strip()


@fact(slow=True)
def cache_kilobytes(*, tokens: int) -> float:
    """The same in kilobytes (1,000 bytes).

    >>> cache_kilobytes(tokens=1)
    46.08
    """
    return cache_bytes(tokens=tokens) / 1000


@fact(slow=True)
def first_written(*, question: str, ask: bool = True) -> str:
    """The first token that the model writes after a question in its chat format; without ``ask`` as in `reply`.

    >>> first_written(question="What is the capital of France?")
    'The'
    """
    return _reply(question, ask)[0].text.strip()


@fact(slow=True)
def reply_end(*, question: str) -> str:
    """What ends the reply to a question: ``the token`` and its name, or ``a limit of tokens``.

    >>> reply_end(question="What is the capital of France?")
    'the token <|im_end|>'
    """
    last = _reply(question, True)[-1]
    return f"the token {last.text}" if last.ended_by == "stop" else "a limit of tokens"


@fact(slow=True)
def read_again(*, question: str, number: int) -> int:
    """Tokens that are there before the reply's token of this number, from 1: its prompt and what is written so far.

    >>> read_again(question="What is the capital of France?", number=1)
    37
    """
    return len(_prompt(question, True)) + number - 1


@fact(slow=True)
def more_probable(*, text: str, tokens: int) -> str:
    """Which text of so many tokens is more probable: ``greedy``, ``beam search`` with four beams, or ``both the same``.

    >>> more_probable(text="The capital of France is", tokens=1)
    'both the same'
    """
    greedy, beam = (
        list(loaded().beam_search(ids_of(text), num_beams=n, max_new_tokens=tokens, length_penalty=0))[-1].finished[0]
        for n in (1, 4)
    )
    if greedy.token_ids.tolist() == beam.token_ids.tolist():
        return "both the same"
    return "greedy" if greedy.log_prob > beam.log_prob else "beam search"


@fact(slow=True)
def padding_bits_rounded(*, prompt: str, other: str, side: Literal["left", "right"]) -> float:
    """The same as `padding_bits`, to a thousandth of a bit.

    >>> padding_bits_rounded(prompt="Once upon a", other="The capital of France is", side="left")
    0.0
    """
    return abs(round(padding_bits(prompt=prompt, other=other, side=side), 3))


@fact(slow=True)
def padding_result(*, prompt: str, other: str, side: Literal["left", "right"]) -> str:
    """What a batch with a longer prompt does to a prompt's next token, in words.

    >>> padding_result(prompt="Once upon a", other="The capital of France is", side="left")
    'it stays the same'
    """
    batch = _batch(prompt, other, side, True)
    if batch.logits[0].argmax() != batch.alone_logits[0].argmax():
        return "it becomes another token"
    return "it stays the same" if batch.divergence_bits[0] < 0.001 else "its probability changes a little"


def _stage(text: str, temperature: float, top_p: float, top_k: int) -> lm.Stage:
    found = answer_to(text)
    settings = lm.Sampling(temperature=temperature, top_p=top_p, top_k=top_k)
    return lm.sampling_stages(found.logits, settings, found.input_ids)[-1]


def _prompt(question: str, ask: bool) -> np.ndarray:
    messages = [{"role": "user", "content": question}]
    return lm.render_chat(loaded().tokenizer, messages, add_generation_prompt=ask).encoding.input_ids


@cache
def _reply(question: str, ask: bool) -> tuple[lm.Step, ...]:
    return tuple(loaded().generate(_prompt(question, ask), _GREEDY, max_new_tokens=60))


@cache
def _cache_of_one() -> int:
    return int(loaded().kv_cache([single(" Paris")]).bytes[-1].sum())


def _batch(prompt: str, other: str, side: Literal["left", "right"], mask: bool) -> lm.PaddedBatch:
    return loaded().padded_batch([ids_of(prompt), ids_of(other)], side=side, mask=mask)
