"""The chart of a page in a notebook: a few lines that draw what the code beside the page has computed."""

from __future__ import annotations

import ast
import builtins

__all__ = ["PLOTS", "plot_of"]

_BARS = """
import plotly.graph_objects as go

{prepare}figure = go.Figure(go.Bar(x={x}, y={y}))
figure.update_layout(xaxis_title={x_title!r}, yaxis_title={y_title!r})
figure.show()
"""
_GRID = """
import plotly.graph_objects as go

figure = go.Figure(go.Heatmap(z={z}, colorscale="Viridis"))
figure.update_layout(xaxis_title={x_title!r}, yaxis_title={y_title!r})
figure.update_yaxes(autorange="reversed")
figure.show()
"""


def _bars(x: str, y: str, x_title: str, y_title: str, prepare: str = "") -> str:
    return _BARS.format(x=x, y=y, x_title=x_title, y_title=y_title, prepare=prepare)


PLOTS = {
    "tokens": _bars(
        "[f'{i + 1}: {token.piece}' for i, token in enumerate(enc.tokens)]",
        "[len(token.bytes) for token in enc.tokens]",
        "token of the last tokenizer", "bytes",
    ),
    "overview": _bars("list(range(len(lens.log_probs)))", "np.exp(lens.log_probs[:, -1, 0])",
                      "layer, 0 is the embedding", "probability of the best token"),
    "compare": _bars("['first', 'second']", "[len(first), len(second)]", "tokenizer", "tokens"),
    "how_it_splits": _bars(
        "[f'{i + 1}: {piece.spelled}' for i, piece in enumerate(shown.pieces)]",
        "[len(piece.ids) for piece in shown.pieces]", "piece", "tokens",
    ),
    "vocabulary": _bars("list(stats.kinds)", "list(stats.kinds.values())", "kind of token", "tokens"),
    "languages": _bars("[language.name for language in found.languages]", "found.n_tokens.tolist()",
                       "language", "tokens of the last tokenizer"),
    "chat": _bars("list(range(1, len(chat.encoding) + 1))", "chat.assistant_mask.astype(int).tolist()",
                  "token", "trained on"),
    "template": _bars("[span.line for span in chat.spans]", "[span.end - span.start for span in chat.spans]",
                      "line of the template", "characters written"),
    "wrong_format": _bars("list(range(1, len(bits) + 1))", "bits.tolist()",
                          "token of the answer, in the last format", "bits"),
    "embeddings": _bars("[engine.tokenizer.piece(int(i)) for i in near.ids]", "near.similarities.tolist()",
                        "token", "similarity"),
    "map": """
import plotly.graph_objects as go

some = slice(0, None, 10)  # every tenth token
labels = [engine.tokenizer.piece(int(i)) for i in placed.ids[some]]
figure = go.Figure(go.Scattergl(x=placed.points[some, 0], y=placed.points[some, 1], mode="markers", text=labels))
figure.show()
""",
    "three_meanings": _bars("list(range(len(a)))", "torch.nn.functional.cosine_similarity(a, b, dim=1).tolist()",
                            "layer, 0 is the embedding", "cosine"),
    "architecture": _bars("counted.edges[:-1].tolist()", "counted.counts.tolist()", "weight", "how many"),
    "next_token": _bars(
        "[engine.tokenizer.piece(i) for i in best.indices.tolist()]", "best.values.tolist()", "token", "probability",
        "best = torch.topk(probs, 15)\n",
    ),
    "surprise": _bars(
        "[f'{i + 2}: {engine.tokenizer.piece(token)}' for i, token in enumerate(ids[1:])]", "surprisal_bits.tolist()",
        "token", "surprisal in bits",
    ),
    "layers": _bars("list(range(len(lens.log_probs)))", "np.exp(lens.log_probs[:, -1, 0]).tolist()",
                    "layer, 0 is the embedding", "probability of the best token after the text",
                    "import numpy as np\n\n"),
    "attention": _GRID.format(z="weights.mean(0)", x_title="token that is read, from 0", y_title="token that reads"),
    "generate": _bars(
        "[f'{i + 1}: {step.text}' for i, step in enumerate(steps)]", "[step.entropy_bits for step in steps]",
        "step", "entropy in bits",
    ),
    "conversation": _bars("[f'turn {one.message + 1}' for one in found]", "[one.n_prompt for one in found]",
                          "request", "tokens of the prompt"),
    "strategies": _bars("list(texts)", "[len(text) for text in texts.values()]", "strategy", "tokens"),
    "constrained": _bars(
        "[f'{i + 1}: {tok.piece(step.token_id)}' for i, step in enumerate(steps)]",
        "[math.exp(step.log_prob) for step in steps]", "step", "the model's own probability",
    ),
    "padding": _bars("prompts", "batch.divergence_bits.tolist()", "prompt", "divergence in bits"),
    "precision": _bars("[one.precision.spec for one in report.results]", "[one.mean_kl_bits for one in report.results]",
                       "precision", "mean KL divergence in bits"),
    "block": _bars("list(range(1, len(block.errors) + 1))", "block.errors.tolist()", "weight", "error"),
    "layer_by_layer": _GRID.format(z="errors.table()", x_title="kind of matrix", y_title="layer, from 0"),
    "speed": _bars("[one.precision.spec for one in predicted]", "[one.total for one in predicted]",
                   "precision", "bytes"),
    "planner": _bars("['weights, cache and activations', 'left']", "[plan.total_bytes, max(0, fit.left_bytes)]",
                     "on the card", "bytes"),
    "kv_cache": _bars("list(range(1, len(cache.total_bytes) + 1))", "cache.total_bytes.tolist()",
                      "tokens", "bytes of the cache"),
}  # fmt: skip
"""By address of the page; none where a page has no chart (Special tokens, Fill in the middle, Explain a config)."""


def plot_of(url: str, code: str) -> str:
    """The chart of a page; empty where it has none, or where its code does not compute what the chart draws.

    >>> plot_of("compare", "first, second = 'ab', 'c'").splitlines()[-1]
    'figure.show()'
    >>> plot_of("compare", "print(1)")
    ''
    """
    plot = PLOTS.get(url, "")
    return plot if plot and _needed(plot) <= _given(code) else ""


def _needed(plot: str) -> set[str]:
    """The names that the chart reads and neither makes itself nor are Python's own."""
    tree = ast.parse(plot)
    read = {node.id for node in ast.walk(tree) if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load)}
    return read - _given(plot) - set(dir(builtins))


def _given(code: str) -> set[str]:
    """The names that a piece of Python leaves behind or binds on its way."""
    found: set[str] = set()
    for node in ast.walk(ast.parse(code)):
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            found.add(node.id)
        elif isinstance(node, ast.Import | ast.ImportFrom):
            found |= {(alias.asname or alias.name).split(".")[0] for alias in node.names}
        elif isinstance(node, ast.FunctionDef | ast.ClassDef):
            found.add(node.name)
    return found
