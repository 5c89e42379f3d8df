"""A model's answer to a question, read from the folder of all front ends where one of them has computed it."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any, Concatenate, ParamSpec, TypeVar, cast, get_type_hints

import lmloupe as lm
from ui.base.kept.folder import folder, name_of

__all__ = ["answered"]

P = ParamSpec("P")
T = TypeVar("T")
Model = TypeVar("Model")


def answered(
    engine: lm.Engine, question: Callable[Concatenate[Model, P], T], /, *args: P.args, **kwargs: P.kwargs
) -> T:
    """Ask a model, or read what another front end has been told; without a shared folder it is asked.

    What takes less than a quarter of a second is asked each time (`lmloupe.kept.folder.SLOW_S`). While another front
    end computes the same, this one waits for it.

    Args:
        engine: the model.
        question: a method of `lmloupe.Engine`, as ``lm.Engine.score``, or a function of the library that takes a model
            first, as ``lm.activation_outliers``.
        *args: its arguments.
        **kwargs: its arguments.
    """
    name = question.__name__
    method = getattr(lm.Engine, name, None) is question

    def compute() -> T:
        if method:
            return cast(T, getattr(engine, name)(*args, **kwargs))
        return cast(Any, question)(engine, *args, **kwargs)  # type: ignore[no-any-return]

    shared = folder()
    if shared is None:
        return compute()
    bound = inspect.signature(question).bind(cast(Any, engine), *args, **kwargs)
    bound.apply_defaults()
    asked = dict(list(bound.arguments.items())[1:])
    kept = name_of(engine, f"{question.__module__}.{question.__qualname__}", asked)
    return compute() if kept is None else shared.answer(kept, compute, _kind(question))


def _kind(question: Callable[..., Any]) -> type:
    """What it answers with, as far as a class can say."""
    said = get_type_hints(question).get("return")
    return said if isinstance(said, type) else object
