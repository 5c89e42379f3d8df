"""Find what a plan is made for: a known model, or any config, checked before a model is built from it."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from lmloupe.errors import UnsupportedError
from lmloupe.planner.makeup import Makeup
from lmloupe.planner.models.known import KnownModel, find_known

__all__ = ["PlannedModel", "planned_model"]


@dataclass(frozen=True, slots=True)
class PlannedModel:
    """What a plan is made for.

    Attributes:
        name: for people: a known model's name, a hub id, a folder, or the architecture of a pasted config.
        source: what it was read from: ``"known"``, ``"hub"``, ``"folder"``, ``"config"`` or ``"embedded"``.
        known: the known model; None for others.
        makeup: what it is made of.
        device_kind: ``"cuda"``, ``"mps"`` or ``"cpu"``.
        notes: what to know of it, in sentences; may be empty.
    """

    name: str
    source: str
    known: KnownModel | None
    makeup: Makeup = field(repr=False)
    device_kind: str
    notes: tuple[str, ...]


def planned_model(
    config_or_name: Mapping[str, Any] | str | os.PathLike[str],
    device_kind: str,
    revision: str | None,
    token: str | bool | None,
) -> PlannedModel:
    """Read what the caller gave: a name, a config, or its text."""
    if not isinstance(config_or_name, Mapping):
        known = find_known(os.fspath(config_or_name))
        if known is not None and revision is None:
            return PlannedModel(known.name, "known", known, known.makeup, device_kind, ())
    raise UnsupportedError("not yet")
