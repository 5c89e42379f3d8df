"""The lines of Python beside the vocabulary map: the points and the under-trained tokens, and both with torch alone."""

from __future__ import annotations

from collections.abc import Sequence

import lmloupe as lm
from ui.model.transformers_code import loading_code

__all__ = ["map_code"]

_OURS = """
import lmloupe as lm

engine = lm.load_engine({model!r}, quantization={quantization!r})
ids = {ids}
placed = engine.project(ids, {method!r}, {n}, {matrix!r})
for token_id, point in zip(placed.ids[:10], placed.points[:10].tolist()):
    print(token_id, *point)
odd = engine.undertrained_tokens({listed}, kinds=("text",))
for token_id, score in zip(odd.ids[:10], odd.scores[:10].tolist()):
    print(token_id, score)

# The same with transformers and torch alone
{loading}

def axes_of(rows):  # principal axes, the widest first; the largest number of each is positive
    centred = (rows - rows.mean(0)).double()
    axes = torch.linalg.eigh(centred.T @ centred).eigenvectors.flip(1)
    return (axes * axes.gather(0, axes.abs().argmax(0)[None]).sign()).float()

"""
_POINTS = """
with torch.inference_mode():
    rows = model.get_{matrix}_embeddings().weight[:{n_tokens}].float()
    points = (rows[:10] - rows.mean(0)) @ axes_of(rows)[:, :{n}]
for token_id, point in enumerate(points.tolist()):
    print(token_id, *point)
"""
_OUTPUT_COSINE = """
with torch.inference_mode():
    output = model.get_output_embeddings().weight.float()
    first = axes_of(output[:{n_tokens}])[:, 0]
    output = output - torch.outer(output @ first, first)  # without what all rows share
    unused = output[ids].mean(0)  # the rows known to be unused
    scores = 1 - torch.nn.functional.cosine_similarity(output, unused[None])
for token_id in {suspects}:
    print(token_id, float(scores[token_id]))
"""
_INPUT_NORM = """
with torch.inference_mode():
    norms = torch.linalg.vector_norm(model.get_input_embeddings().weight.float(), dim=1)
for token_id in {suspects}:
    print(token_id, float(norms[token_id]))
"""


def map_code(
    engine: lm.Engine,
    odd: lm.Undertrained,
    *,
    method: str,
    n_dimensions: int,
    matrix: str,
    ids: Sequence[int] | None,
    n_listed: int,
) -> str:
    """Code that prints ten points and ten under-trained tokens twice: as the page has them, and without LM Loupe.

    t-SNE is scikit-learn's, with the settings that `lmloupe` documents; its points are printed once.
    """
    described = engine.describe()
    facts = {
        "model": described.name,
        "quantization": described.quantization,
        "ids": "None  # all of them" if ids is None else list(ids),
        "method": method,
        "n": n_dimensions,
        "matrix": matrix,
        "listed": n_listed,
        "loading": loading_code(described, odd.reference_ids.tolist()),
        "n_tokens": min(engine.tokenizer.vocab_size, described.vocab_rows),
        "suspects": odd.ids[:10].tolist(),
    }
    scores = _OUTPUT_COSINE if odd.indicator == "output_cosine" else _INPUT_NORM
    return (_OURS + (_POINTS if method == "pca" else "") + scores).format(**facts)
