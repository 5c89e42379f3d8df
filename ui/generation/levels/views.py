"""One prompt through both levels as the page shows it: the stages with their code, and the tasks of a pipeline."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd
import streamlit as st

import lmloupe as lm
from ui.base.kept.answers import answered
from ui.base.labels import token_label
from ui.base.loaders import display_name, engine
from ui.base.words import counted
from ui.components.level_view import Level, Value

__all__ = [
    "PREPARED",
    "call_words",
    "finding_of",
    "inputs_code",
    "levels",
    "settings_words",
    "task_table",
    "tasks",
    "two_levels",
]

MOST_SHOWN = 80
MOST_CODE = 200
PREPARED = "tokenizer = AutoTokenizer.from_pretrained(folder)\nmodel = AutoModelForCausalLM.from_pretrained(folder)"
Prompt = str | Sequence[Mapping[str, Any]]


@st.cache_resource(max_entries=32, show_spinner=False)
def _two_levels(
    model: str, quantization: lm.Quantization, prompt: Prompt, n: int, temperature: float, seed: int
) -> lm.TwoLevels:
    return answered(engine(model, quantization), lm.Engine.two_levels, prompt, n, temperature, seed=seed)


def two_levels(
    model: str, quantization: lm.Quantization, prompt: Prompt, n: int, temperature: float, seed: int
) -> lm.TwoLevels:
    """The prompt through both levels, run once for all sessions; at temperature 0 no seed counts."""
    return _two_levels(model, quantization, prompt, n, temperature, seed if temperature else 0)


@st.cache_data(max_entries=1, ttl=60, show_spinner=False)
def tasks() -> tuple[lm.PipelineTask, ...]:
    """The tasks that the installed transformers' pipelines know; looked up again after a minute."""
    return lm.pipeline_tasks()


def finding_of(found: lm.TwoLevels) -> str:
    """Whether both levels wrote the same, in one sentence of plain text."""
    text = " ".join(found.text.split())
    shown = text if len(text) <= MOST_SHOWN else text[: MOST_SHOWN - 1] + "…"
    if found.same:
        return f"Both ways write the same text: “{shown}”" if shown else "Both ways write nothing but an end token"
    return f"The two ways differ: by hand it is “{shown}”"


def settings_words(settings: Sequence[tuple[str, object]]) -> str:
    """Settings as arguments of a call: ``max_new_tokens=16, do_sample=False``."""
    return ", ".join(f"{name}={value!r}" for name, value in settings)


def call_words(found: lm.TwoLevels) -> str:
    """The two lines of the pipeline."""
    asked = "messages" if found.is_chat else "text"
    return (
        'pipe = pipeline("text-generation", model=model, tokenizer=tokenizer)\n'
        f"pipe({asked}, {settings_words(found.settings)})"
    )


def levels(found: lm.TwoLevels, prompt: Prompt, tok: lm.Tokenizer) -> list[Level]:
    """The stages from the prompt to the text."""
    n, new = found.input_ids.shape[1], len(found.new_ids)
    same_in = found.input_ids.tolist() == found.pipeline_input_ids.tolist()
    same_out = found.output_ids.tolist() == found.pipeline_output_ids.tolist()
    device = found.tensors[0].device
    out = found.output_ids[0].tolist()
    dtype = f"int64 {found.output_ids.shape}, {device}"
    return [
        Level("The prompt", "", "", "", _prompt_code(prompt), [_prompt_value(prompt)]),
        _level(
            found, "ids", "A string, cut into tokens" if found.is_chat else "Cut into tokens",
            f"the same {counted(n, 'id')}", inputs_code(prompt),
            [
                *([Value("text", "inside: the chat as one string", _pieces(tok, found))] if found.is_chat else []),
                _tokens(tok, _tensors(found), found.input_ids[0].tolist()),
            ],
            differs=not same_in,
        ),
        _level(
            found, "device", "To the model's device", "", "inputs = inputs.to(model.device)",
            [Value("text", "both tensors", [(device, "")])],
        ),
        _level(
            found, "generate", "The model writes", f"the same {counted(new, 'new id')}",
            f"output_ids = model.generate(**inputs, {settings_words(found.settings)})",
            [_tokens(tok, f"output_ids: {dtype}; the prompt comes back first, pale", out, lit=n)],
            differs=not same_out,
        ),
        _level(
            found, "new", "The new ids alone", "", 'new_ids = output_ids[0, inputs["input_ids"].shape[1]:]',
            [_tokens(tok, f"new_ids: int64 ({new},), {device}", found.new_ids.tolist())],
        ),
        _level(
            found, "text", "Ids back to text", "the same text",
            "text = tokenizer.decode(new_ids, skip_special_tokens=True)",
            [
                Value("text", f"text: str, {counted(len(found.text), 'character')}", [(found.text, "")]),
                Value("text", "what the pipeline returned", [(found.returned, "")]),
            ],
            differs=found.text != found.pipeline_text,
        ),
    ]  # fmt: skip


def _level(
    found: lm.TwoLevels, stage: str, title: str, same: str, code: str, values: list[Value], *, differs: bool = False
) -> Level:
    line = next((one for one in found.lines if one.stage == stage), None)
    where = "" if line is None else f"{line.file}, line {line.number:,}"
    words = f"not {same}" if differs else same
    return Level(title, where, "" if line is None else line.source.replace("    ", "  "), words, code, values, differs)


def _prompt_code(prompt: Prompt) -> str:
    name, written = ("text", repr(prompt)) if isinstance(prompt, str) else ("messages", repr(list(prompt)))
    return f"{name} = {written if len(written) <= MOST_CODE else '…'}"


def _prompt_value(prompt: Prompt) -> Value:
    if isinstance(prompt, str):
        return Value("text", f"text: str, {counted(len(prompt), 'character')}", [(prompt, "")])
    parts = [(str(one.get("role", "")), str(one.get("content", ""))) for one in prompt]
    return Value("messages", f"messages: a list of {counted(len(parts), 'dict')}", parts)


def inputs_code(prompt: Prompt) -> str:
    """The line of Python that makes tensors of a prompt."""
    if isinstance(prompt, str):
        return 'inputs = tokenizer(text, return_tensors="pt")'
    way = "continue_final_message" if prompt[-1].get("role") == "assistant" else "add_generation_prompt"
    return f'inputs = tokenizer.apply_chat_template(messages, {way}=True, return_dict=True, return_tensors="pt")'


def _tensors(found: lm.TwoLevels) -> str:
    each = [f"{one.name}: {one.dtype} {one.shape}" for one in found.tensors]
    seen = "all 1" if found.attention_mask.all() else f"{int(found.attention_mask.sum())} of them 1"
    return f"inputs: a BatchEncoding, a dict of {'; '.join(each)}, {seen}"


def _tokens(tok: lm.Tokenizer, name: str, ids: Sequence[int], lit: int = 0) -> Value:
    special = set(tok.special_tokens.values())
    marked = [at for at, i in enumerate(ids) if i in special]
    return Value("tokens", name, [(token_label(tok, i), str(i)) for i in ids], lit, marked)


def _pieces(tok: lm.Tokenizer, found: lm.TwoLevels) -> list[tuple[str, str]]:
    """The string in pieces, special tokens apart."""
    enc = lm.encode(tok, found.string)
    pieces: list[tuple[str, str]] = []
    at = 0
    for (start, end), special in zip(enc.offsets.tolist(), enc.special_tokens_mask.tolist(), strict=True):
        if special and end > start:
            pieces += [(found.string[at:start], ""), (found.string[start:end], "special")]
            at = end
    return [piece for piece in (*pieces, (found.string[at:], "")) if piece[0]]


_RUNS = {"now": "runs now", "download": "needs a model", "install": "needs a package"}


def task_table(known: Sequence[lm.PipelineTask]) -> pd.DataFrame:
    """Every task with what it does and whether it runs here, those that run now first."""
    return pd.DataFrame(
        {
            "Task": [" or ".join((one.name, *one.aliases)) for one in known],
            "Here": [_RUNS[one.runs] for one in known],
            "What it does": [one.sentence for one in known],
            "Takes": [one.takes for one in known],
            "Gives": [one.gives for one in known],
            "With": [_with(one) for one in known],
            "Loads its model with": [", ".join(one.auto_classes) for one in known],
        }
    )


def _with(task: lm.PipelineTask) -> str:
    if task.missing:
        return f"pip install {' '.join(task.missing)}"
    if task.at_hand:
        return ", ".join(display_name(one) for one in task.at_hand)
    return f"download, such as {task.default_model}"
