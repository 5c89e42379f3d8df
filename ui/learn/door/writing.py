"""The end of the way: the model writes its answer, token by token."""

from __future__ import annotations

import streamlit as st

import lmloupe as lm
from ui.base.loaders import display_name
from ui.components.token_view import TokenRow, token_view
from ui.generation.live.facts import ended_words
from ui.generation.live.runs import Request, Run
from ui.generation.live.shared import finished_run
from ui.generation.live.stream import phases, stream
from ui.learn.door.figure import Figure
from ui.learn.door.loading import MODEL, QUANTIZATION, loaded_model
from ui.learn.door.model import no_rules
from ui.learn.door.prompt import MESSAGE, one_message, rendered
from ui.learn.door.words import covered, said, some
from ui.state import store as state

__all__ = ["writing_figure"]

N_TOKENS = 48
SAMPLING = lm.Sampling(temperature=0)
_ENDS = ("A full stop", "A special token", "A number of tokens set in advance")
_RUN = "door_run"


def _request(question: str) -> Request:
    ids = rendered(loaded_model().tokenizer, question).encoding.input_ids.tolist()
    return Request(MODEL, QUANTIZATION, tuple(ids), SAMPLING, N_TOKENS, 0)


def _last_step(question: str) -> lm.Step:
    request = _request(question)
    written = finished_run(request)  # mostly the reply that the figure has just shown
    if written is not None:
        return written.steps[-1]
    return list(loaded_model().generate(list(request.ids), SAMPLING, N_TOKENS, 0))[-1]


def _answer() -> str:
    step, tok = _last_step(MESSAGE), loaded_model().tokenizer
    if step.ended_by != "stop":
        return _ENDS[2]
    return _ENDS[1] if step.token_id in tok.special_tokens.values() else _ENDS[0]


def _show() -> None:
    engine, request = loaded_model(), _request(some(state.get("door_question")))
    tok = engine.tokenizer
    run: Run | None = st.session_state.get(_RUN)
    if run is None or run.request != request:
        run = st.session_state[_RUN] = Run(request)
    heading, place = st.empty(), st.empty()
    if run.going:
        stream(run, engine, place)
    with heading:
        said(ended_words(run, tok).removesuffix("."))
    reply = run.encoding(tok)
    with place.container():
        token_view(
            [TokenRow(display_name(MODEL), reply, family=MODEL)], text=reply.text, key=f"door_reply_{len(reply)}"
        )
        phases(run, tok, key="door_phases")


def _way() -> tuple[str, dict[str, object]]:
    values: dict[str, object] = {
        "prompt": "chat", "messages": one_message(state.get("door_question")), "tools": "", "model": MODEL,
        "quantization": QUANTIZATION, "temperature": 0.0, "max_new_tokens": N_TOKENS, "seed": 0, "lesson": "",
        "variables": "", "date_string": "", "record_lens": False,
    }  # fmt: skip
    return "generate", values | no_rules()


def _code() -> str:
    return f"""
import lmloupe as lm

engine = lm.load_engine({MODEL!r}, quantization={QUANTIZATION!r})
chat = lm.render_chat(engine.tokenizer, {one_message(state.get("door_question"))!r}, add_generation_prompt=True)
ids = chat.encoding.input_ids.tolist()
steps = list(engine.generate(ids, lm.Sampling(temperature=0), {N_TOKENS}))
print(len(steps), steps[-1].ended_by)
print(lm.decode(engine.tokenizer, [step.token_id for step in steps]))
"""


def writing_figure() -> Figure:
    """The figure."""
    return Figure(
        "writing",
        "And the answer",
        "The chosen token is put behind the text, and the model reads on: one pass for each token of the reply.",
        f"SmolLM2 is asked “{MESSAGE}” What ends its reply?",
        _ENDS,
        _answer,
        lambda: covered(state.get("door_question")),
        _show,
        "ask something else. Where is this small model wrong?",
        lambda: state.text_input("door_question", "Question", label_visibility="collapsed"),
        _way,
        _code,
        needs_model=True,
    )
