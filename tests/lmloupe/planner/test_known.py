"""The known models: published counts, makeups that are what transformers builds, and answers without torch."""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import replace

import pytest
import torch
import transformers

import lmloupe as lm
from lmloupe.planner import measure
from lmloupe.planner.makeup import CacheGroup
from lmloupe.planner.models.known import find_known
from lmloupe.planner.models.phi3_small import phi3_small

KNOWN = {model.key: model for model in lm.known_models()}
BUILT = [key for key in KNOWN if key != "phi-3-small"]
SMALL = ("llama-3.2-1b", "phi-3-mini", "qwen2-0.5b", "qwen2-57b-a14b", "gemma-3-270m")


def config_of(key: str) -> transformers.PreTrainedConfig:
    settings = json.loads(KNOWN[key].config)
    return transformers.CONFIG_MAPPING[settings["model_type"]].from_dict(settings)


def test_every_count_is_the_published_one() -> None:
    assert len(KNOWN) == len(lm.known_models()) == 30
    assert {key: m.makeup.n_parameters for key, m in KNOWN.items()} == {
        key: m.published_parameters for key, m in KNOWN.items()
    }
    # As the pages of the models say, written down here once more.
    for key, count in (
        ("llama-3.1-8b", 8_030_261_248),
        ("llama-3.1-70b", 70_553_706_496),
        ("llama-3.1-405b", 405_853_388_800),
        ("phi-3-mini", 3_821_079_552),
        ("phi-3-small", 7_392_272_384),
        ("qwen2-7b", 7_615_616_512),
        ("qwen2-57b-a14b", 57_408_658_944),
        ("starcoder2-15b", 15_957_889_024),
        ("gemma-3-4b", 4_300_079_472),
        ("smollm2-135m", 134_515_008),
    ):
        assert KNOWN[key].makeup.n_parameters == count


@pytest.mark.parametrize("key", BUILT)
def test_a_makeup_is_what_transformers_builds(key: str) -> None:
    settings, makeup = config_of(key), KNOWN[key].makeup
    model = measure.meta_model(settings, torch.bfloat16)
    assert measure.groups_of(model) == makeup.groups
    assert sum(parameter.numel() for parameter in model.parameters()) == makeup.n_parameters
    assert sum(buffer.nbytes for buffer in model.buffers()) == makeup.buffer_bytes
    # What each layer caches, by the config alone: another way to the numbers that a pass gave.
    found: dict[CacheGroup, int] = {}
    for group in measure.by_config(settings.get_text_config()):
        found[group] = found.get(group, 0) + 1
    assert {replace(group, layers=n) for group, n in found.items()} == set(makeup.caches)


@pytest.mark.parametrize("key", SMALL)
def test_a_pass_without_numbers_gives_the_same_makeup(key: str) -> None:
    assert measure.makeup_of(config_of(key)) == KNOWN[key].makeup


def test_phi_3_small_is_counted_by_hand() -> None:
    model = KNOWN["phi-3-small"]
    assert (model.counted, model.makeup) == ("by hand", phi3_small(json.loads(model.config)))
    assert {KNOWN[key].counted for key in BUILT} == {"transformers"}
    # A block, from the published modeling code: every matrix and vector with its numbers.
    width, inner, qkv = 4096, 14336, (32 + 2 * 8) * 128
    block = qkv * width + qkv + width * width + width + 2 * inner * width + 2 * inner + width * inner + width
    assert model.makeup.n_parameters == 100352 * width + 32 * (block + 4 * width) + 2 * width


def test_names_find_a_model() -> None:
    llama = KNOWN["llama-3.1-8b"]
    for name in ("llama-3.1-8b", "meta-llama/Llama-3.1-8B-Instruct", " META-LLAMA/meta-llama-3.1-8b "):
        assert find_known(name) is llama
    assert find_known("llama-3.1") is None
    names = [name.lower() for model in KNOWN.values() for name in (model.key, model.hub_id, *model.aliases)]
    assert len(names) == len(set(names))


def test_a_known_model_is_answered_without_torch() -> None:
    code = (
        "import sys, lmloupe as lm; p = lm.memory_plan('llama-3.1-8b', 'nf4'); "
        "[p.on(card) for card in lm.known_cards() if card.key != 'here']; "
        "print(*{'torch', 'transformers', 'bitsandbytes', 'huggingface_hub'} & set(sys.modules))"
    )
    done = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    assert done.stdout.strip() == ""
