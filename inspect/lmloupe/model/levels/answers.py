"""One prompt through both levels of transformers' API; the question is in `lmloupe.model.levels.questions`."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, TypeVar

import numpy as np
import torch
import transformers
from numpy.typing import NDArray

from lmloupe.chat.messages import plain_messages
from lmloupe.encodings.encoding import check_text
from lmloupe.errors import ContextLengthError, InvalidSettingError, LoupeError, NotAvailableError
from lmloupe.model.generation.answers import next_token
from lmloupe.model.levels.face import face_of
from lmloupe.model.levels.lines import pipeline_lines
from lmloupe.model.levels.questions import Prompt
from lmloupe.model.levels.results import TensorFacts, TwoLevels, WrongCall
from lmloupe.model.passes.loaded import LoadedModel, input_ids
from lmloupe.model.passes.worker import is_out_of_memory
from lmloupe.model.quiet import quiet_transformers

__all__ = ["Settings", "two_levels"]

T = TypeVar("T")
MOST_PROMPT, MOST_NEW = 1_024, 64
"""``generate`` cannot be left and taken up again, so that others wait for all of it."""


@dataclass(frozen=True, slots=True)
class Settings:
    """What both levels are called with, checked.

    Attributes:
        given: the keyword arguments of ``generate``.
        seed: of torch's generators.
    """

    given: dict[str, bool | int | float]
    seed: int

    @classmethod
    def of(cls, max_new_tokens: int, temperature: float, top_k: int, top_p: float, seed: int) -> Settings:
        """Check the settings that a person gave.

        Raises:
            InvalidSettingError: one is out of its range.
        """
        if not 1 <= max_new_tokens <= MOST_NEW:
            raise InvalidSettingError(f"max_new_tokens is {max_new_tokens}; it must be 1 to {MOST_NEW}.")
        if not (math.isfinite(temperature) and 0 <= temperature <= 10):
            raise InvalidSettingError(f"temperature is {temperature:g}; it must be 0, or above 0 and at most 10.")
        if top_k < 0 or not 0 < top_p <= 1 or not 0 <= seed < 2**63:
            raise InvalidSettingError(
                f"top_k is {top_k}, top_p {top_p:g} and seed {seed}; they must be at least 0, above 0 and at most 1, "
                "and 0 to 2**63 - 1."
            )
        given: dict[str, bool | int | float] = {"max_new_tokens": max_new_tokens, "do_sample": temperature > 0}
        if temperature > 0:
            given |= {"temperature": temperature, "top_k": top_k, "top_p": top_p}
        return cls(given, seed)


def two_levels(loaded: LoadedModel, prompt: Prompt, settings: Settings) -> TwoLevels:
    """The answer to `LevelQuestions.two_levels`."""
    is_chat = not isinstance(prompt, str)
    face = face_of(loaded.tokenizer)
    if isinstance(prompt, str):
        check_text(prompt)
        asked: Any = prompt
    else:
        asked = plain_messages(prompt)
    string, inputs = _written(face, asked)
    next_token(loaded, _require_room(loaded, inputs, int(settings.given["max_new_tokens"])))  # scores that are numbers
    record, returned, defaults = _by_pipeline(loaded, face, asked, settings)
    inputs = inputs.to(loaded.device)
    output = loaded.worker.call(lambda: _seeded(loaded, settings, lambda: _generate(loaded, inputs, settings)))
    n = inputs["input_ids"].shape[1]
    text = face.decode(output[0, n:].tolist(), skip_special_tokens=True)
    new_text = returned[0]["generated_text"]
    if is_chat:
        new_text = new_text[-1]["content"]
    begun = asked if isinstance(asked, str) else asked[-1]["content"] if asked[-1]["role"] == "assistant" else ""
    return TwoLevels(
        string=string,
        is_chat=is_chat,
        tensors=tuple(
            TensorFacts(name, tuple(one.shape), str(one.dtype).removeprefix("torch."), str(one.device))
            for name, one in inputs.items()
        ),
        input_ids=_array(inputs["input_ids"]),
        attention_mask=_array(inputs["attention_mask"]),
        output_ids=_array(output),
        text=text,
        pipeline_input_ids=record["input_ids"],
        pipeline_output_ids=record["output_ids"],
        pipeline_text=new_text.removeprefix(begun),
        returned=repr(returned),
        settings=tuple(settings.given.items()),
        pipeline_defaults=tuple(defaults.items()),
        lines=pipeline_lines(is_chat=is_chat),
        wrong_call=loaded.worker.call(lambda: _wrong_call(loaded, inputs)),
        transformers_version=transformers.__version__,
    )


def _written(face: Any, asked: Any) -> tuple[str, Any]:
    """The string that is cut into tokens, and the tensors: by hand, as the pipeline's own ``preprocess`` does it."""
    with _as_ours("the tokenizer"), quiet_transformers():
        if isinstance(asked, str):
            return asked, face(asked, return_tensors="pt")
        goes_on = asked[-1].get("role") == "assistant"
        how = {"add_generation_prompt": not goes_on, "continue_final_message": goes_on}
        string: str = face.apply_chat_template(asked, tokenize=False, **how)
        return string, face.apply_chat_template(asked, return_dict=True, return_tensors="pt", **how)


def _require_room(loaded: LoadedModel, inputs: Any, new: int) -> NDArray[np.int32]:
    """The ids of the prompt, once they are some that the model can go on from."""
    ids = input_ids(loaded, inputs["input_ids"][0].numpy().astype(np.int64))
    limit = loaded.context_length
    most = MOST_PROMPT if limit is None else max(0, min(MOST_PROMPT, limit - new))
    if len(ids) > most:
        raise ContextLengthError(
            f"The prompt has {len(ids):,} tokens, and here it may have at most {most:,} with {new} new ones: shorten "
            "it."
        )
    return ids


def _by_pipeline(
    loaded: LoadedModel, face: Any, asked: Any, settings: Settings
) -> tuple[dict[str, NDArray[np.int64]], Any, dict[str, Any]]:
    """What the pipeline had between its steps, what it returned, and the settings that it would add by itself."""
    record: dict[str, NDArray[np.int64]] = {}
    make: Any = transformers.pipeline
    with _as_ours("the pipeline"), quiet_transformers():
        device = None if getattr(loaded.model, "hf_device_map", None) else loaded.device
        pipe = make("text-generation", model=loaded.model, tokenizer=face, device=device)
        forward = pipe.forward

        def watched(model_inputs: Any, **given: Any) -> Any:
            """The pipeline's own step with the model, in the worker's thread, with what goes in and what comes out."""
            record["input_ids"] = _array(model_inputs["input_ids"])
            found = loaded.worker.call(lambda: _seeded(loaded, settings, lambda: forward(model_inputs, **given)))
            record["output_ids"] = _array(found["generated_sequence"][0])
            return found

        pipe.forward = watched
        returned = pipe(asked, **settings.given)
        defaults = pipe._prepare_generate_kwargs({})
    plain = {name: value for name, value in defaults.items() if isinstance(value, bool | int | float)}
    return record, returned, plain


def _generate(loaded: LoadedModel, inputs: Any, settings: Settings) -> torch.Tensor:
    with _as_ours("generate"), quiet_transformers():
        output: torch.Tensor = loaded.model.generate(**inputs, **settings.given)
        return output


def _seeded(loaded: LoadedModel, settings: Settings, work: Callable[[], T]) -> T:
    """Do the work with torch's generators at the seed; afterwards they go on as if nothing had been drawn."""
    cuda = [loaded.device.index or 0] if loaded.device.type == "cuda" else []
    with torch.random.fork_rng(devices=cuda):
        torch.manual_seed(settings.seed)
        return work()


def _wrong_call(loaded: LoadedModel, inputs: Any) -> WrongCall | None:
    """Call ``generate`` without the stars, and keep what it raises: that is the answer."""
    try:
        with quiet_transformers():
            loaded.model.generate(inputs, max_new_tokens=1)
    except Exception as error:
        if is_out_of_memory(error):
            raise
        chain: list[BaseException] = [error]
        while (before := chain[0].__cause__ or chain[0].__context__) is not None and len(chain) < 8:
            chain.insert(0, before)
        return WrongCall(tuple(f"{type(one).__name__}({', '.join(map(repr, one.args))})"[:300] for one in chain))
    return None


@contextmanager
def _as_ours(what: str) -> Iterator[None]:
    """Tell what transformers raises inside the block as an error of ours; the block runs its code and none of ours."""
    try:
        yield
    except LoupeError:
        raise
    except Exception as error:  # whatever a model's own class or a template raises
        if is_out_of_memory(error):
            raise
        words = " ".join(str(error).split())[:200]
        raise NotAvailableError(
            f"transformers' own {what} fails on this model or prompt ({type(error).__name__}: {words}). "
            "Choose another model, or a plain text as the prompt."
        ) from error


def _array(ids: torch.Tensor) -> NDArray[np.int64]:
    found: NDArray[np.int64] = ids.cpu().numpy().astype(np.int64)
    return found
