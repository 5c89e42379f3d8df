"""The figures in order: nine lead from a word to the answer, which is the last."""

from __future__ import annotations

from ui.learn.door.block import block_figure
from ui.learn.door.model import model_figures
from ui.learn.door.prompt import chat_figure
from ui.learn.door.words import word_figures
from ui.learn.door.writing import writing_figure

__all__ = ["MODEL_FIGURES", "TEXT_FIGURES"]

TEXT_FIGURES = (*word_figures(), chat_figure())
"""Those that need tokenizers alone."""
MODEL_FIGURES = (*model_figures(), block_figure(), writing_figure())
"""Those that ask the embedded model."""
