"""The tasks that the installed transformers' pipelines know, and which of them this machine can run."""

from __future__ import annotations

import ast
import importlib
import inspect
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, Literal

import transformers
from huggingface_hub import constants
from transformers.utils.import_utils import BACKENDS_MAPPING

from lmloupe.loading.embedded_model.folder import embedded_model_folder
from lmloupe.model.levels.task_words import TASK_WORDS
from lmloupe.names import EMBEDDED_MODEL

__all__ = ["PipelineTask", "pipeline_tasks"]

MOST_CACHED = 500
_MOST_CONFIG_BYTES = 4 << 20
_PACKAGES = {"vision": "pillow", "sklearn": "scikit-learn"}
"""Where transformers' name for a package is not that of the package index."""


@dataclass(frozen=True, slots=True)
class PipelineTask:
    """One task of ``transformers.pipeline``.

    Attributes:
        name: as ``pipeline`` takes it.
        aliases: other names for it.
        sentence: what it does; empty for a task that LM Loupe has no words for.
        takes: what goes in.
        gives: what comes out.
        pipeline_class: the class that does it.
        auto_classes: those that load its model.
        default_model: the hub id that ``pipeline(name)`` loads where no model is named; empty without.
        missing: packages that it needs and that are not installed here.
        at_hand: models on this machine that it can run: the embedded one, and those in the hub's cache.
        runs: ``"now"``, ``"download"`` (everything but a model is here) or ``"install"`` (a package is missing).
    """

    name: str
    aliases: tuple[str, ...]
    sentence: str
    takes: str
    gives: str
    pipeline_class: str
    auto_classes: tuple[str, ...]
    default_model: str
    missing: tuple[str, ...]
    at_hand: tuple[str, ...]

    @property
    def runs(self) -> Literal["now", "download", "install"]:
        """Whether it can run on this machine, and what is missing first."""
        return "install" if self.missing else "now" if self.at_hand else "download"


def pipeline_tasks() -> tuple[PipelineTask, ...]:
    """Every task of transformers' own registry, those that run here now first. Loads torch; asks no network.

    What a task needs is read from the code of its pipeline class (``requires_backends``). A model is at hand where the
    hub's cache has safetensors weights of a class that one of the task's auto classes makes; whether it fits into the
    memory is not counted.

    >>> tasks = {task.name: task for task in pipeline_tasks()}
    >>> tasks["text-generation"].auto_classes, tasks["token-classification"].aliases
    (('AutoModelForCausalLM',), ('ner',))
    >>> tasks["fill-mask"].sentence
    'Fills a gap in a sentence by what stands on both sides of it.'
    """
    registry: Any = importlib.import_module("transformers.pipelines")
    aliases: Mapping[str, str] = registry.TASK_ALIASES
    models = list(_models_here())
    found = []
    for name, entry in registry.SUPPORTED_TASKS.items():
        sentence, takes, gives = TASK_WORDS.get(name, ("", str(entry.get("type", "")), ""))
        autos = tuple(auto for auto in entry["pt"] if hasattr(auto, "_model_mapping"))
        found.append(
            PipelineTask(
                name=name,
                aliases=tuple(alias for alias, meant in aliases.items() if meant == name),
                sentence=sentence,
                takes=takes,
                gives=gives,
                pipeline_class=str(entry["impl"]).rsplit(".", 1)[-1],
                auto_classes=tuple(auto.__name__ for auto in autos),
                default_model=_default_model(entry),
                missing=_missing(str(entry["impl"])),
                at_hand=tuple(model for model, config in models if _fits(name, autos, config)),
            )
        )
    order = {"now": 0, "download": 1, "install": 2}
    return tuple(sorted(found, key=lambda task: (order[task.runs], task.name)))


def _default_model(entry: Mapping[str, Any]) -> str:
    chosen = (entry.get("default") or {}).get("model")
    if isinstance(chosen, dict):
        chosen = chosen.get("pt")
    return str(chosen[0]) if isinstance(chosen, tuple | list) and chosen else ""


@cache
def _missing(impl: str) -> tuple[str, ...]:
    """Packages that the pipeline's class asks for by ``requires_backends`` and that are not installed."""
    module, _, name = impl.rpartition(".")
    made: Any = getattr(importlib.import_module(module), name)
    asked = []
    for node in ast.walk(ast.parse(inspect.getsource(made))):
        if isinstance(node, ast.Call) and ast.unparse(node.func) == "requires_backends" and len(node.args) == 2:
            asked += [one.value for one in ast.walk(node.args[1]) if isinstance(one, ast.Constant)]
    absent = [str(one) for one in asked if one in BACKENDS_MAPPING and not BACKENDS_MAPPING[str(one)][0]()]
    return tuple(dict.fromkeys(_PACKAGES.get(one, one) for one in absent))


def _models_here() -> Iterator[tuple[str, Mapping[str, Any]]]:
    """Names and configs of the models whose weights are on this machine."""
    folder = embedded_model_folder()
    if folder is not None:
        yield EMBEDDED_MODEL, _config_in(folder)
    cached = sorted(Path(constants.HF_HUB_CACHE).glob("models--*"))[:MOST_CACHED]
    for repository in cached:
        for commit in sorted(repository.glob("snapshots/*")):
            if any(commit.glob("*.safetensors")) and (commit / "config.json").is_file():
                yield repository.name.removeprefix("models--").replace("--", "/"), _config_in(commit)
                break


def _config_in(folder: Path) -> Mapping[str, Any]:
    """The config of a folder; an empty one where it cannot be read: then no task takes the model."""
    path = folder / "config.json"
    try:
        data = path.read_bytes() if path.stat().st_size <= _MOST_CONFIG_BYTES else b""
        config = json.loads(data)
    except (OSError, ValueError, RecursionError):  # a stranger's file, which is only counted here and not loaded
        return {}
    return config if isinstance(config, dict) else {}


def _fits(task: str, autos: tuple[Any, ...], config: Mapping[str, Any]) -> bool:
    """Whether an auto class of the task makes the class that the weights are of."""
    kind, names = config.get("model_type"), config.get("architectures")
    if not isinstance(kind, str) or not isinstance(names, list):
        return False
    if autos == (transformers.AutoModel,):  # any model has a body, but only one of text gives numbers for a text
        reads_text = {transformers.AutoModelForCausalLM, transformers.AutoModelForMaskedLM}
        return task == "feature-extraction" and any(_makes(auto, kind, names) for auto in reads_text)
    if task == "zero-shot-classification" and not any(
        str(label).lower().startswith("entail") for label in config.get("label2id") or ()
    ):
        return False
    return any(_makes(auto, kind, names) for auto in autos)


def _makes(auto: Any, kind: str, names: list[Any]) -> bool:
    made = auto._model_mapping._model_mapping.get(kind, ())
    return not {made}.isdisjoint(names) if isinstance(made, str) else not set(made).isdisjoint(map(str, names))
