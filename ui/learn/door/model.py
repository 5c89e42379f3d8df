"""Figures 6 to 8: ids become vectors, every token gets a score, and temperature changes how they are drawn from."""

from __future__ import annotations

import zlib
from collections.abc import Callable

import numpy as np
import streamlit as st

import lmloupe as lm
from ui.base import theme
from ui.base.labels import token_label
from ui.base.loaders import encoding, next_token
from ui.base.words import counted, probability
from ui.components.distribution_view import (
    Rolled,
    Strip,
    distribution_bars,
    distribution_view,
    rolled_by,
    token_picked_in,
)
from ui.components.vector_view import picked_index, vector_view
from ui.learn.door.figure import Figure
from ui.learn.door.loading import MODEL, QUANTIZATION, loaded_model, model_loader
from ui.learn.door.words import covered, said, some
from ui.model.answers import readable
from ui.state import store as state
from ui.state.kinds import samplers
from ui.state.settings import SETTINGS
from ui.state.settings.learn import MAX_GUESS_CHARACTERS

__all__ = ["model_figures", "no_rules"]

N_BARS, N_DOTS = 6, 200
PROMPT, WARM = str(SETTINGS["door_prompt"].default), str(SETTINGS["door_warm_prompt"].default)
HOT = 2.0
_HOW_MANY = ("one, the right one", "about ten", "about half of them", "all of them")
_AT_HOT = ("The same as at temperature 1", "Another one", "None: all have the same chance")


def _load_code() -> str:
    return f"import lmloupe as lm\n\nengine = lm.load_engine({MODEL!r}, quantization={QUANTIZATION!r})\n"


# Vectors.


def _vector_place(enc: lm.Encoding) -> int:
    return int(min(state.get("door_vector_token"), len(enc) - 1))


def _show_vector() -> None:
    engine, text = loaded_model(), some(state.get("door_vector_text"))
    tok = engine.tokenizer
    enc = encoding(tok, text, False, True)
    index = _vector_place(enc)
    token_id = int(enc.input_ids[index])
    vector = engine.embed([token_id])[0]
    said(f"“{token_label(tok, token_id)}” is id {token_id:,}, and the id picks {counted(len(vector), 'number')}")
    norm = float(np.linalg.norm(vector))

    def take() -> None:
        place = picked_index("door_vector")
        if place is not None and 0 <= place < len(enc):
            state.put("door_vector_token", place)

    labels = [token_label(tok, int(one)) for one in enc.input_ids]
    vector_view(
        labels, enc.special_tokens_mask.tolist(), index, token_id, vector,
        more=f"Twelve at a time. The length (norm) of this vector is {norm:.3f}.", key="door_vector", on_pick=take,
    )  # fmt: skip


def _vector_way() -> tuple[str, dict[str, object]]:
    values = {
        "text": state.get("door_vector_text"), "model": MODEL, "quantization": QUANTIZATION,
        "embedding_view": "matrix", "token_index": state.get("door_vector_token"), "place": -1,
    }  # fmt: skip
    return "embeddings", values


def _vector_code() -> str:
    return f"""
{_load_code()}
enc = lm.encode(engine.tokenizer, {state.get("door_vector_text")!r})
place = min({state.get("door_vector_token")}, len(enc) - 1)  # counted from 0
vector = engine.embed([enc.input_ids[place]])[0]
print(enc.tokens[place].text, int(enc.input_ids[place]), vector.shape)
print(vector[:12].tolist())
"""


# Scores and temperature.


def _answer_to(prompt: str) -> lm.NextToken:
    engine = loaded_model()
    return next_token(MODEL, QUANTIZATION, readable(engine, encoding(engine.tokenizer, prompt, True, True)))


def _stages(answer: lm.NextToken, sampling: lm.Sampling) -> tuple[lm.Stage, ...]:
    return tuple(lm.sampling_stages(answer.logits, sampling, answer.input_ids))


def _bars(answer: lm.NextToken, sampling: lm.Sampling, *, key: str, prompt: str, rolls: str) -> None:
    """The most probable tokens and the die; a press adds a token to the setting ``prompt``."""
    from ui.prediction.next_token_chart import written  # these two load pandas
    from ui.prediction.sampling_frames import best_ids

    tok, stages = loaded_model().tokenizer, _stages(answer, sampling)
    probs, seed = stages[-1].probs, 0
    ids = best_ids(answer.logits, N_BARS).tolist()
    labels, n = [token_label(tok, one) for one in ids], state.get(rolls)
    draws = lm.roll(probs, n, seed) if n else None
    counts = None if draws is None else np.bincount(draws.ids, minlength=len(probs))
    rolled = Rolled(0, seed)
    if draws is not None:
        places = tuple(round(float(place), 6) for place in draws.places[-N_DOTS:])
        rolled = Rolled(len(draws.ids), seed, places, token_label(tok, int(draws.ids[-1])))
    of = str(zlib.crc32(answer.logits.tobytes()))

    def add() -> None:
        token_id = token_picked_in(st.session_state.get(key), of)
        piece = None if token_id is None else written(tok, token_id)
        if piece is not None and len(state.get(prompt) + piece) <= MAX_GUESS_CHARACTERS:
            state.put(prompt, state.get(prompt) + piece)

    def throw() -> None:
        thrown = rolled_by(st.session_state.get(key), of)
        if thrown in (0, 1, 10, 200):
            state.put(rolls, min(int(SETTINGS[rolls].high or 0), state.get(rolls) + thrown) if thrown else 0)

    distribution_view(
        distribution_bars(stages, sampling, ids, labels, counts, [written(tok, one) is not None for one in ids]),
        Strip(tuple(ids), tuple(labels), tuple(float(probs[one]) for one in ids)), rolled, axis_end=1.0,
        unchanged=sampling.temperature == 1, colour=theme.family_colour(MODEL), key=key, of=of,
        on_pick=add, on_roll=throw,
    )  # fmt: skip


def _n_possible() -> str:
    probs = _stages(_answer_to(PROMPT), lm.Sampling())[0].probs
    n = int((probs > 0).sum())
    if n == len(probs):
        return _HOW_MANY[-1]
    return _HOW_MANY[0 if n == 1 else 1 if n < len(probs) // 10 else 2]


def _show_scores() -> None:
    answer = _answer_to(some(state.get("door_prompt")))
    probs = _stages(answer, lm.Sampling())[0].probs
    best, n = int(probs.argmax()), int((probs > 0).sum())
    label = token_label(loaded_model().tokenizer, best)
    others = f"{counted(n - 1, 'other token')} share the rest" if n > 1 else "nothing is left for any other"
    said(f"“{label}” gets {probability(float(probs[best]))}; {others}")
    _bars(answer, lm.Sampling(), key="door_scores_bars", prompt="door_prompt", rolls="door_rolls")


def _at_hot() -> str:
    answer = _answer_to(WARM)
    own, hot = (_stages(answer, lm.Sampling(temperature=one))[-1].probs for one in (1.0, HOT))
    if float(hot.max()) == float(hot.min()):
        return _AT_HOT[2]
    return _AT_HOT[0] if int(own.argmax()) == int(hot.argmax()) else _AT_HOT[1]


def _show_warm() -> None:
    answer, sampling = _warm(), lm.Sampling(temperature=state.get("door_temperature"))
    stages = _stages(answer, sampling)
    own, probs = stages[0].probs, stages[-1].probs
    best = int(own.argmax())
    label = token_label(loaded_model().tokenizer, best)
    said(
        f"Temperature {sampling.temperature:g}: “{label}” is drawn with {probability(float(probs[best]))}"
        + ("" if sampling.temperature == 1 else f"; the model itself gives it {probability(float(own[best]))}")
    )
    _warm_bars(answer, sampling)


def _warm() -> lm.NextToken:
    return _answer_to(some(state.get("door_warm_prompt")))


def _warm_bars(answer: lm.NextToken, sampling: lm.Sampling) -> None:
    _bars(answer, sampling, key="door_warm_bars", prompt="door_warm_prompt", rolls="door_warm_rolls")


def _cover_warm() -> None:
    if model_loader().ready:
        _warm_bars(_warm(), lm.Sampling())
        st.caption("At temperature 1, as the model itself has them.")
    else:
        covered(f"{state.get('door_warm_prompt')} …")


def _next_way(prompt: str, temperature: Callable[[], float], rolls: str) -> Callable[[], tuple[str, dict[str, object]]]:
    def way() -> tuple[str, dict[str, object]]:
        values = {
            "text": state.get(prompt), "model": MODEL, "quantization": QUANTIZATION, "temperature": temperature(),
            "rolls": state.get(rolls), "seed": 0, "axis_end": "100", "next_view": "best",
        }  # fmt: skip
        return "next_token", values | no_rules()

    return way


def no_rules() -> dict[str, object]:
    """Every rule of sampling but temperature, off: one that a person has left on elsewhere would change the numbers."""
    names = ("top_k", "top_p", "min_p", "repetition_penalty", *(setting.name for setting in samplers()))
    return {name: SETTINGS[name].default for name in names}


def _next_code(prompt: str, temperature: float) -> str:
    return f"""
{_load_code()}
answer = engine.next_token({state.get(prompt)!r})
stages = lm.sampling_stages(answer.logits, lm.Sampling(temperature={temperature!r}), answer.input_ids)
probs = stages[-1].probs
print(int((probs > 0).sum()), "of", len(probs), "tokens have a probability above zero")
for token_id in probs.argsort()[::-1][:{N_BARS}].tolist():
    print(engine.tokenizer.token_bytes(token_id), float(probs[token_id]))
"""


def _warm_control() -> None:
    state.slider("door_temperature", "Temperature", step=0.1)
    state.text_input("door_warm_prompt", "Text", label_visibility="collapsed")


def model_figures() -> tuple[Figure, ...]:
    """The three."""
    return (
        Figure(
            "vector",
            "Ids become vectors",
            "The id of a token picks one row of a table, its *vector*. Layers read these numbers and nothing else.",
            "SmolLM2 is a small model. How many numbers does it have for one token?",
            ("12", "576", "4,096", "49,152"),
            lambda: f"{loaded_model().describe().embedding_width:,}",
            lambda: covered(state.get("door_vector_text")),
            _show_vector,
            "click another token, and write a word twice: do both get the same numbers?",
            lambda: state.text_input("door_vector_text", "Text", label_visibility="collapsed"),
            _vector_way,
            _vector_code,
            needs_model=True,
        ),
        Figure(
            "scores",
            "Every token gets a score",
            "From the last token's vector the model computes a score for every entry of its vocabulary. Scores become "
            "probabilities that sum to 100%.",
            f"After “{PROMPT}”: how many tokens of its vocabulary does SmolLM2 hold possible?",
            _HOW_MANY,
            _n_possible,
            lambda: covered(f"{state.get('door_prompt')} …"),
            _show_scores,
            "press a bar: its token is added, and the model is asked again.",
            lambda: state.text_input("door_prompt", "Text", label_visibility="collapsed"),
            _next_way("door_prompt", lambda: 1.0, "door_rolls"),
            lambda: _next_code("door_prompt", 1.0),
            needs_model=True,
        ),
        Figure(
            "temperature",
            "Temperature flattens or sharpens",
            "The next token is *drawn*. Scores are divided by the *temperature* first: under 1 the best gain, over 1 "
            "they lose.",
            f"At temperature {HOT:g}, which token is the most probable after “{WARM}”?",
            _AT_HOT,
            _at_hot,
            _cover_warm,
            _show_warm,
            "move the slider to 0, then throw the die 200 times at 0.5 and at 2.",
            _warm_control,
            _next_way("door_warm_prompt", lambda: float(state.get("door_temperature")), "door_warm_rolls"),
            lambda: _next_code("door_warm_prompt", float(state.get("door_temperature"))),
            needs_model=True,
        ),
    )
