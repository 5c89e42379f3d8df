"""Where the installed transformers' text-generation pipeline does each step: file, line and source, by its own code."""

from __future__ import annotations

import ast
import inspect
import textwrap
from functools import cache
from pathlib import Path
from typing import Any

import transformers

from lmloupe.model.levels.results import PipelineLine, Stage

__all__ = ["pipeline_lines"]

_CALLS: dict[bool, tuple[tuple[Stage, str, str], ...]] = {
    is_chat: (
        ("string", "preprocess", how),
        ("ids", "preprocess", how),
        ("device", "forward", "self._ensure_tensor_on_device"),
        ("generate", "_forward", "self.model.generate"),
        ("new", "postprocess", "sequence[prompt_token_length:]"),
        ("text", "postprocess", "self.tokenizer.decode"),
    )
    for is_chat, how in ((True, "self.tokenizer.apply_chat_template"), (False, "self.tokenizer"))
}


@cache
def pipeline_lines(*, is_chat: bool) -> tuple[PipelineLine, ...]:
    """The line of each stage, found in the source by what it calls; a stage that is not found is left out.

    Args:
        is_chat: whether the prompt is messages.

    >>> [line.stage for line in pipeline_lines(is_chat=True)]
    ['string', 'ids', 'device', 'generate', 'new', 'text']
    >>> pipeline_lines(is_chat=False)[1].source
    'inputs = self.tokenizer(prefix + prompt_text, return_tensors="pt", **tokenizer_kwargs)'
    """
    made: Any = transformers.TextGenerationPipeline
    found = []
    for stage, method, wanted in _CALLS[is_chat]:
        line = _line_of(getattr(made, method, None), wanted)
        if line is not None:
            found.append(PipelineLine(stage, *line))
    return tuple(found)


def _line_of(method: Any, wanted: str) -> tuple[str, int, str] | None:
    """File, number and lines of the first call of this kind in a method, or of this expression."""
    if method is None:
        return None
    lines, first = inspect.getsourcelines(method)
    indented = "if True:\n" + "".join(lines)  # a method's own indentation stays
    for node in ast.walk(ast.parse(indented)):
        called = node.func if isinstance(node, ast.Call) else node
        if isinstance(node, ast.Call | ast.Subscript) and ast.unparse(called) == wanted:
            at = node.lineno - 2
            package = Path(transformers.__file__).parent.parent
            path = Path(inspect.getsourcefile(method) or "")
            written = lines[at : (node.end_lineno or node.lineno) - 1]
            return path.relative_to(package).as_posix(), first + at, textwrap.dedent("".join(written)).strip()
    return None
