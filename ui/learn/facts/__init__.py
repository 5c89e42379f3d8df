"""Facts: every value that a lesson states or asks for, computed. Each module of `computed` adds its own."""

from __future__ import annotations

import importlib
import pkgutil

from ui.learn.facts import computed
from ui.learn.facts.registry import FACTS, Fact, Value, accepts, compute, fact, gives, is_slow

__all__ = ["FACTS", "Fact", "Value", "accepts", "compute", "fact", "gives", "is_slow"]

for _module in pkgutil.iter_modules(computed.__path__):
    importlib.import_module(f"{computed.__name__}.{_module.name}")
