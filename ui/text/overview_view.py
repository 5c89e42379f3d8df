"""What Overview shows of a text: a column for each token, and the doors to the pages of its parts."""

from __future__ import annotations

import math
from urllib.parse import urlencode

import numpy as np
import pandas as pd
from numpy.typing import NDArray

import lmloupe as lm
from ui import pages
from ui.base.labels import token_label
from ui.base.words import counted, probability
from ui.components.overview import Column, Door, Step
from ui.prediction.lens.run import LensRun
from ui.state import store as state
from ui.state.thread import LINKED, way_to

__all__ = ["N_GUESSES", "N_NUMBERS", "columns_of", "doors_of", "guesses_of", "params_to", "way_of"]

N_NUMBERS = 12
N_GUESSES = 5
# Part of the picture, the page that it leads to, and its name beside the picture.
_PARTS = {
    "tokens": ("tokens", "1 Tokens"),
    "ids": ("vocabulary", "2 Ids"),
    "vectors": ("embeddings", "3 Vectors"),
    "layers": ("layers", "4 Layers"),
    "attention": ("attention", "Attention"),
    "next": ("next_token", "5 Next token"),
}


def columns_of(
    run: LensRun,
    n_layers: int,
    positions: range,
    tok: lm.Tokenizer,
    rows: NDArray[np.float32],
) -> list[Column]:
    """A column for each position; ``rows`` are the vectors of its tokens, (len(positions), width)."""
    ids, specials = run.request.ids, frozenset(tok.special_tokens.values())
    return [
        Column(
            token_label(tok, ids[position]),
            ids[position],
            ids[position] in specials,
            tuple(round(float(number), 4) for number in row[:N_NUMBERS]),
            tuple(_step(run, layer, position, tok) for layer in range(n_layers + 1)),
        )
        for position, row in zip(positions, rows, strict=True)
    ]


def _step(run: LensRun, layer: int, position: int, tok: lm.Tokenizer) -> Step:
    cell = run.cells[layer, position]
    return Step(token_label(tok, int(cell.token_ids[0])), math.exp(cell.log_probs[0]), cell.final_rank == 1)


def guesses_of(run: LensRun, n_layers: int, position: int, tok: lm.Tokenizer) -> list[tuple[str, float]]:
    """The most probable next tokens after a position, with their probabilities."""
    cell = run.cells[n_layers, position]
    best = zip(cell.token_ids[:N_GUESSES], cell.log_probs[:N_GUESSES], strict=True)
    return [(token_label(tok, int(token_id)), math.exp(log_prob)) for token_id, log_prob in best]


def params_to(part: str, enc: lm.Encoding, index: int) -> tuple[pages.Page, dict[str, str]]:
    """The page of a part of the picture, and the parameters with which it shows this token."""
    page = pages.page(_PARTS[part][0])
    params = way_to(enc, index, page.url)
    if part == "ids":
        search: dict[str, object] = {"search_by": "ids", "vocabulary_search": str(int(enc.input_ids[index]))}
        if enc.tokenizer.source in LINKED:
            search["tokenizer"] = enc.tokenizer.name
        params |= state.link_params(**search)
    return page, params


def doors_of(enc: lm.Encoding, index: int) -> dict[str, Door]:
    """A link for each part of the picture."""
    doors = {}
    for part, (url, label) in _PARTS.items():
        page, params = params_to(part, enc, index)
        doors[part] = Door(label, f"{page.title}: {page.look_for}", f"{url}?{urlencode(params)}")
    return doors


def way_of(column: Column, place: int, width: int, guesses: list[tuple[str, float]]) -> pd.DataFrame:
    """The way of one token as a table: a row for each step."""
    steps = [
        ("Token", f"{column.label} (token {place + 1})"),
        ("Id", f"{column.token_id:,}"),
        ("Vector", f"{', '.join(f'{number:.3f}' for number in column.numbers)}, … ({counted(width, 'number')})"),
    ]
    for layer, step in enumerate(column.steps):
        name = "Layer 0, the embedding" if layer == 0 else f"Layer {layer}"
        steps.append((name, f"{step.text} {probability(step.share)}"))
    steps.append(("Next token", ", ".join(f"{text} {probability(share)}" for text, share in guesses)))
    return pd.DataFrame(steps, columns=["Step", "What it is"])
