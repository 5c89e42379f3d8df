"""The Layers page with tiny models of many architectures: its code prints its numbers; no number is made up."""

from __future__ import annotations

import ast
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import transformers
from streamlit.testing.v1 import AppTest

import lmloupe as lm
from tests.test_pages import REPOSITORY, no_exception, open_page, output_of
from tests.tiny_models import VOCAB_SIZE, save_tokenizer
from ui.lens_run import LensRequest, lens_run
from ui.loaders import encoding
from ui.loaders import engine as engine_of
from ui.model_choice import _asked_for

LAYERS = "pages/model/layers.py"
TEXT = "The model reads tokens."
N_LAYERS = 3
SIZES: dict[str, Any] = {
    "vocab_size": VOCAB_SIZE, "hidden_size": 32, "intermediate_size": 64, "num_hidden_layers": N_LAYERS,
    "num_attention_heads": 4, "max_position_embeddings": 128, "initializer_range": 0.3,
    "pad_token_id": 0, "bos_token_id": 1, "eos_token_id": 2,
}  # fmt: skip
GROUPED = SIZES | {"num_key_value_heads": 2}
GPT2 = {"vocab_size": VOCAB_SIZE, "n_embd": 32, "n_layer": N_LAYERS, "n_head": 4, "n_positions": 128}
BUILT: dict[str, tuple[Callable[[], transformers.PreTrainedConfig], str]] = {
    "llama": (lambda: transformers.LlamaConfig(**GROUPED), "model.norm"),
    "gpt2": (
        lambda: transformers.GPT2Config(**GPT2, initializer_range=0.3, bos_token_id=1, eos_token_id=2),
        "transformer.ln_f",
    ),
    "neox": (lambda: transformers.GPTNeoXConfig(**SIZES), "gpt_neox.final_layer_norm"),
    "gemma2": (lambda: transformers.Gemma2Config(**GROUPED, head_dim=8, final_logit_softcapping=3.0), "model.norm"),
    "granite": (lambda: transformers.GraniteConfig(**GROUPED, logits_scaling=4.0), "model.norm"),
}  # fmt: skip


@pytest.fixture(scope="module")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the models in ``tiny/NAME``: to the page a name like a hub's, to the engine a folder."""
    root = tmp_path_factory.mktemp("layers")
    (root / "assets").symlink_to(REPOSITORY / "assets")
    for name, (config, _) in BUILT.items():
        torch.manual_seed(0)
        model = transformers.AutoModelForCausalLM.from_config(config())
        for path, parameter in model.named_parameters():
            if parameter.ndim == 1:  # fresh norms and biases are ones and zeros: left out, they would not be missed
                torch.nn.init.normal_(parameter, mean=float("bias" not in path and name != "gemma2"), std=0.1)
        model.save_pretrained(root / "tiny" / name)
        save_tokenizer(root / "tiny" / name)
    return root


@pytest.fixture(autouse=True)
def in_the_folder(tiny: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tiny)


def layers_of(model: str, text: str = TEXT, **params: str) -> AppTest:
    """The page with a model, loaded as if somebody had pressed the button."""
    _asked_for().add((model, "none"))
    return no_exception(open_page(LAYERS, model=model, quantization="none", text=text, **params))


def ids_of(engine: lm.Engine, text: str) -> tuple[int, ...]:
    return tuple(encoding(engine.tokenizer.name, text, True, True).input_ids.tolist())


@pytest.mark.parametrize(("name", "layer"), [*((name, 1) for name in BUILT), ("gpt2", N_LAYERS)])
def test_the_code_of_any_model_prints_the_cell_that_is_chosen(name: str, layer: int) -> None:
    app = layers_of(f"tiny/{name}", lens_layer=str(layer))
    engine = engine_of(f"tiny/{name}", "none")
    assert engine.lens_parts().norm == BUILT[name][1]
    ids = ids_of(engine, TEXT)
    cell = lens_run(LensRequest(f"tiny/{name}", "none", ids)).cells[layer, len(ids) - 1]
    own, theirs = (ast.literal_eval(line.replace("] [", "], [")) for line in output_of(app))
    assert own[0] == theirs[0] == cell.token_ids.tolist()
    np.testing.assert_allclose(own[1], cell.log_probs, atol=1e-5)
    np.testing.assert_allclose(theirs[1], cell.log_probs, atol=1e-4)
