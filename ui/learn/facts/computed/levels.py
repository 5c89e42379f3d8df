"""Facts about the two levels of transformers' API, both really run by `lmloupe.Engine.two_levels`."""

from __future__ import annotations

from functools import cache

import lmloupe as lm
from ui.learn.facts.computed.model import loaded
from ui.learn.facts.registry import fact

__all__ = ["returned_ids", "same_reply", "without_stars"]


@fact(slow=True)
def returned_ids(*, question: str) -> int:
    """Ids that ``generate`` returns for a question: those of its prompt and those of the reply.

    >>> returned_ids(question="What is the capital of France?")
    45
    """
    return int(_both(question).output_ids.shape[1])


@fact(slow=True)
def same_reply(*, question: str) -> str:
    """``Yes`` where the pipeline and the steps by hand write the same text, else ``No``.

    >>> same_reply(question="What is the capital of France?")
    'Yes'
    """
    both = _both(question)
    return "Yes" if both.text == both.pipeline_text else "No"


@fact(slow=True)
def without_stars(*, question: str) -> str:
    """What ``model.generate(inputs)`` does, without the two stars: ``it works as well``, or the error.

    >>> without_stars(question="What is the capital of France?")
    "KeyError('shape')"
    """
    wrong = _both(question).wrong_call
    return "it works as well" if wrong is None else wrong.raised[0]


@cache
def _both(question: str) -> lm.TwoLevels:
    return loaded().two_levels([{"role": "user", "content": question}])
