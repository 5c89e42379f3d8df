"""Find what a plan is made for: a known model, or any config, checked before a model is built from it."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from lmloupe.errors import SourceNotFoundError
from lmloupe.names import EMBEDDED_MODEL, local_folder, shown
from lmloupe.planner.makeup import Makeup
from lmloupe.planner.models.known import KnownModel, find_known
from lmloupe.planner.models.read import parse_config
from lmloupe.planner.storage import Format
from lmloupe.tokens.embedded import embedded_tokenizers

__all__ = ["PlannedModel", "planned_model"]

_EMBEDDED_NOTE = (
    "The float32 weights of the embedded model are computed from a published 4-bit file (Q4_1): no precision of it is "
    "the one in which it was trained."
)


@dataclass(frozen=True, slots=True)
class PlannedModel:
    """What a plan is made for.

    Attributes:
        name: for people: a known model's name, a hub id, a folder, or the architecture of a pasted config.
        source: what it was read from: ``"known"``, ``"embedded"``, ``"hub"``, ``"folder"`` or ``"config"``.
        known: the known model; None for others.
        makeup: what it is made of.
        stored: how its published weights are quantized already; None where they are not.
        notes: what to know of it, in sentences; may be empty.
    """

    name: str
    source: str
    known: KnownModel | None
    makeup: Makeup = field(repr=False)
    stored: Format | None
    notes: tuple[str, ...]


def planned_model(
    config_or_name: PlannedModel | Mapping[str, Any] | str | os.PathLike[str],
    revision: str | None,
    token: str | bool | None,
) -> PlannedModel:
    """Read what the caller gave: an earlier plan's model, a name, a config, or its text."""
    if isinstance(config_or_name, PlannedModel):
        return config_or_name
    if isinstance(config_or_name, Mapping):
        return _by_config(dict(config_or_name), "", "config")
    name = os.fspath(config_or_name).strip()
    if name[:1] in ("{", "["):
        return _by_config(parse_config(name), "", "config")
    known = find_known(name)
    if known is not None and revision is None:
        return _known(name, known)
    if name in embedded_tokenizers():
        raise SourceNotFoundError(
            f"{name} is an embedded tokenizer without a model: take a known model, a hub id, a folder or a config.json."
        )
    folder = local_folder(name)
    if folder is not None:
        return _by_config(_in_folder(folder, name), name, "folder")
    from lmloupe.loading.hub_files import open_repo  # brings the hub's client

    repo = open_repo(name, revision, token)
    return _by_config(_in_folder(repo.fetch_config(), name), name, "hub")


def _known(name: str, known: KnownModel) -> PlannedModel:
    notes = (known.note,) if known.note else ()
    if name.lower() != EMBEDDED_MODEL:
        return PlannedModel(known.name, "known", known, known.makeup, None, notes)
    makeup = replace(known.makeup, dtype="float32")
    return PlannedModel(EMBEDDED_MODEL, "embedded", known, makeup, None, (*notes, _EMBEDDED_NOTE))


def _in_folder(folder: Path, name: str) -> dict[str, Any]:
    from lmloupe.loading.hub_errors import reading

    with reading(name):
        there = (folder / "config.json").is_file()
        text = (folder / "config.json").read_text("utf-8", errors="replace") if there else ""
    if not there:
        raise SourceNotFoundError(f"{shown(name)} has no config.json: choose a transformers model.")
    return parse_config(text)


def _by_config(config: dict[str, Any], name: str, source: str) -> PlannedModel:
    """From here on torch is needed."""
    from lmloupe.planner.models.build import build

    makeup, stored, notes = build(config, name, whole=source == "config")
    return PlannedModel(name or makeup.architecture, source, None, makeup, stored, notes)
