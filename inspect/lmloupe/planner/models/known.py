"""Models that are known without a hub: their published configs, and what they are made of, computed beforehand."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from functools import cache
from importlib.resources import files
from typing import Any

from lmloupe.planner.makeup import Makeup

__all__ = ["KnownModel", "find_known", "known_models"]


@dataclass(frozen=True, slots=True)
class KnownModel:
    """A published model that `lmloupe.memory_plan` knows by name.

    Attributes:
        key: short name, ``"llama-3.1-8b"``.
        name: for people, ``"Llama 3.1 8B"``.
        family: ``"Llama 3.1"``.
        hub_id: where it is published.
        aliases: other names of models with the same sizes: base models, older ids of the hub, the embedded model's key.
        licence: by the name that its page gives.
        gated: the hub asks for an accepted licence before it gives the weights.
        published_parameters: numbers of the published weights, tied ones once.
        source: where that count is published.
        note: what a person should know of it; may be empty.
        counted: how LM Loupe counted it: ``"transformers"`` on torch's meta device, or ``"by hand"`` from the published
            architecture, where transformers has no class for it.
        config: its config.json, as far as it says how large anything is. JSON text.
        makeup: what it is made of.
    """

    key: str
    name: str
    family: str
    hub_id: str
    aliases: tuple[str, ...]
    licence: str
    gated: bool
    published_parameters: int
    source: str
    note: str
    counted: str
    config: str = field(repr=False)
    makeup: Makeup = field(repr=False)


@cache
def known_models() -> tuple[KnownModel, ...]:
    """The models that are known by their published configs, family by family. Needs no torch and no network.

    Their parts were counted by transformers on torch's meta device (``scripts/build_models.py``), and every count
    equals the published one.

    >>> llama = known_models()[0]
    >>> llama.name, llama.hub_id, llama.published_parameters, llama.makeup.n_parameters
    ('Llama 3.1 8B', 'meta-llama/Llama-3.1-8B-Instruct', 8030261248, 8030261248)
    """
    listed: list[dict[str, Any]] = json.loads(files("lmloupe").joinpath("data/models.json").read_text("utf-8"))
    return tuple(_known(entry) for entry in listed)


def find_known(name: str) -> KnownModel | None:
    """The known model that has this key, hub id or other name; None without one. Capitals do not matter."""
    return _by_name().get(name.strip().lower())


@cache
def _by_name() -> dict[str, KnownModel]:
    return {name.lower(): model for model in known_models() for name in (model.key, model.hub_id, *model.aliases)}


def _known(entry: dict[str, Any]) -> KnownModel:
    plain = {name: entry[name] for name in KnownModel.__slots__ if name not in ("aliases", "config", "makeup")}
    return KnownModel(
        **plain,
        aliases=tuple(entry["aliases"]),
        config=json.dumps(entry["config"], indent=2),
        makeup=Makeup.from_json(entry["makeup"]),
    )
