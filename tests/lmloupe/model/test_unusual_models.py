"""Models that are built otherwise than most: each has the kind of fault that it once showed."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import transformers

import lmloupe as lm
from lmloupe.model.architecture.weight_histogram import dequantized_pieces
from lmloupe.model.inside.attention import weights_of_block
from lmloupe.model.passes.blocks import find_blocks
from tests.support.architectures import build
from tests.support.pages import REPOSITORY, no_exception, open_page, sentences
from ui.model.choice import _asked_for
from ui.prediction.attention_table import SINK_WORDS, attended

IDS = [5, 75, 99, 33, 107, 38, 200, 17, 250, 61]


def engine_of(kind: str, quantization: lm.Quantization = "none", **changes: Any) -> lm.Engine:
    return lm.load_engine(build(kind, **changes), quantization, device="cpu")


# Sizes


def test_a_width_is_that_of_the_stream_where_the_embedding_is_narrower() -> None:
    opt = engine_of("opt", word_embed_proj_dim=32, do_layer_norm_before=False)  # as OPT-350M
    described = opt.describe()
    assert (described.width, described.embedding_width) == (64, 32)
    assert opt.embed(IDS).shape == (10, 32)
    assert opt.neighbours(opt.embed([75])[0], 1).ids.tolist() == [75]
    assert opt.hidden_states(IDS).shape == (5, 10, 64)
    assert opt.contextual_similarity(IDS, 3, IDS[:6], 5).shape == (5,)
    assert opt.logit_lens(IDS).norms.shape == (5, 10)
    assert engine_of("rembert", input_embedding_size=32, output_embedding_size=48).describe().width == 64


def test_a_state_space_models_row_0_is_its_embedding() -> None:
    mamba = engine_of("mamba")
    np.testing.assert_allclose(mamba.hidden_states(IDS)[0], mamba.embed(IDS), atol=1e-6)
    same_token = mamba.contextual_similarity([1, 7, 9, 20], 3, [5, 33, 44, 20], 3)
    assert same_token[0] == pytest.approx(1, abs=1e-6)
    assert same_token[1] < 0.999


def test_layers_that_differ_in_their_heads_are_loaded_and_counted() -> None:
    gemma = build("gemma4_text", global_head_dim=32, num_hidden_layers=6)
    described = lm.load_engine(gemma, device="cpu").describe()
    assert (described.n_layers, described.head_dim) == (6, 16)
    assert lm.memory_estimate(gemma, device="cpu").weights_bytes == described.bytes


def test_an_encoder_decoders_layers_are_those_of_the_half_that_is_loaded() -> None:
    described = engine_of("bart", encoder_layers=2, decoder_layers=3, decoder_ffn_dim=80).describe()
    assert (described.n_layers, described.block.intermediate_size) == (3, 80)


def test_mpt_has_its_limit_its_positions_and_its_factor() -> None:
    mpt = engine_of("mpt", logit_scale="inv_sqrt_d_model", max_seq_len=64)
    described = mpt.describe()
    assert (described.context_length, described.block.position_kind) == (64, "alibi")
    assert mpt.lens_parts().scale == pytest.approx(1)  # transformers reads no factor for MPT, whatever the config says
    with pytest.raises(lm.ContextLengthError, match="at most 64"):
        mpt.next_token([7] * 65)


def test_falcons_heads_are_counted_and_its_cache_is_measured() -> None:
    folder = build("falcon", new_decoder_architecture=True, num_kv_heads=2)
    described = lm.load_engine(folder, device="cpu").describe()
    assert (described.n_heads, described.n_kv_heads) == (4, 2)
    model = transformers.AutoModelForCausalLM.from_pretrained(folder).eval()
    cache = model(input_ids=torch.tensor([IDS]), use_cache=True).past_key_values
    held = sum(layer.keys.nbytes + layer.values.nbytes for layer in cache.layers)
    assert lm.memory_estimate(folder, device="cpu", context=10).kv_cache_bytes == held


def test_a_config_of_no_layers_is_refused(tmp_path: Path) -> None:
    config = transformers.LlamaConfig(
        vocab_size=300, hidden_size=64, intermediate_size=96, num_attention_heads=4, num_hidden_layers=0
    )
    transformers.AutoModelForCausalLM.from_config(config).save_pretrained(tmp_path)
    for name in ("tokenizer.json", "tokenizer_config.json"):
        (tmp_path / name).write_bytes((build("llama") / name).read_bytes())
    for load in (lm.load_engine, lm.memory_estimate):
        with pytest.raises(lm.UnsupportedError, match="names 0 layers"):
            load(tmp_path, device="cpu")


# Attention


@pytest.mark.parametrize(
    ("kind", "changes", "layers"),
    [
        ("jamba", {"attn_layer_period": 2, "attn_layer_offset": 1}, (1, 3)),
        ("lfm2_moe", {}, (1, 3)),
        ("granitemoeshared", {}, (0, 1, 2, 3)),
    ],
)
def test_blocks_without_attention_say_so_and_name_those_with(
    kind: str, changes: dict[str, Any], layers: tuple[int, ...]
) -> None:
    engine = engine_of(kind, **changes)
    named = ", ".join(str(layer + 1) for layer in layers)
    for layer in range(4):
        if layer in layers:
            read = engine.attention_weights(IDS, layer)
            assert (read.layers, f".{layer}." in read.module, read.sink) == (layers, True, None)
        else:
            with pytest.raises(lm.NotAvailableError, match=f"^Block {layer + 1} of .* Blocks that have: {named}.$"):
                engine.attention(IDS, layer)


def test_the_sinks_share_is_the_softmax_of_its_logit() -> None:
    engine = engine_of("gpt_oss")
    model: Any = engine.loaded.model
    sinks = model.model.layers[0].self_attn.sinks
    read = engine.attention_weights(IDS, 0)
    assert (read.sink.dtype, read.sink.shape) == (np.float32, (4, 10))
    # The first token reads itself or the sink: the odds are those of two logits, so that they move with the sink's.
    odds = np.log(read.sink[:, 0] / read.weights[:, 0, 0])
    with torch.no_grad():
        sinks += 1
        moved = weights_of_block(model, find_blocks(model), np.array(IDS, np.int32), 0)
    np.testing.assert_allclose(np.log(moved.sink[:, 0] / moved.weights[:, 0, 0]), odds + 1, atol=1e-3)


def test_the_models_attention_is_the_same_after_it_was_asked_for() -> None:
    for kind in ("falcon", "gemma4", "gpt_oss"):
        engine = engine_of(kind)
        configs = [m.config for m in engine.loaded.model.modules() if hasattr(m, "config")]
        before = [config._attn_implementation for config in configs]
        engine.attention(IDS, 1)
        assert [config._attn_implementation for config in configs] == before


def test_the_table_of_a_reader_has_a_row_for_the_sink() -> None:
    weights = np.array([[0.4, 0], [0.1, 0.2]], np.float32)
    table = attended(weights, ["a", "b"], 1, 0.7)
    assert table["Token"].tolist() == [SINK_WORDS, "b", "a"]
    assert table["Position"].isna().tolist() == [True, False, False]
    assert table["Weight"].sum() == pytest.approx(1)
    assert attended(weights, ["a", "b"], 0)["Position"].tolist() == [1]


# Weights


def test_numbers_that_are_not_called_weight_have_a_histogram() -> None:
    engine = engine_of("mixtral")
    experts = next(m.name for m in engine.describe().modules if m.name.endswith("experts"))
    own = dict(engine.loaded.model.get_submodule(experts).named_parameters(recurse=False))
    assert set(own) == {"gate_up_proj", "down_proj"}
    for path, leaf in ((experts, "gate_up_proj"), (f"{experts}.down_proj", "down_proj")):
        found = engine.weight_histogram(path, bins=9)
        expected, _ = np.histogram(own[leaf].detach().numpy().ravel(), found.edges)
        assert (found.name, found.parameter, found.counts.tolist()) == (path, leaf, expected.tolist())
    with pytest.raises(lm.InvalidSettingError, match="did you mean"):
        engine.weight_histogram(f"{experts}.no_such_proj")


@pytest.mark.parametrize("kind", ["deepseek_v3", "glm4_moe_lite"])
def test_int8_that_cannot_be_multiplied_is_refused_at_load(kind: str) -> None:
    with pytest.raises(lm.UnsupportedError, match=r"cannot be run in int8.*Choose quantization nf4 or none\.$"):
        engine_of(kind, "int8")
    assert engine_of(kind, "nf4").next_token(IDS).logits.shape == (300,)


@pytest.mark.parametrize(
    ("kind", "quantization"), [("mamba", "int8"), ("mamba", "nf4"), ("longcat_flash", "nf4"), ("longcat_flash", "int8")]
)
def test_a_model_that_multiplies_packed_weights_itself_is_refused_and_nothing_else_is_offered(
    kind: str, quantization: lm.Quantization
) -> None:
    with pytest.raises(lm.UnsupportedError, match=rf"run in {quantization}.* quantization none\.$") as refused:
        engine_of(kind, quantization)
    # LongCat's int8 fails before, in a product of bitsandbytes'.
    assert ("weight itself" in str(refused.value)) == ((kind, quantization) != ("longcat_flash", "int8"))


@pytest.mark.parametrize("kind", ["falcon_mamba", "zamba"])
def test_4bit_products_of_transposed_inputs_are_those_of_the_weights(kind: str) -> None:
    # On CPUs with AVX512-BF16 bitsandbytes multiplied numbers of other tokens, and the model looked not causal.
    model: Any = engine_of(kind, "nf4").loaded.model
    plain: Any = engine_of(kind).loaded.model
    n_replaced = 0
    for name, module in model.named_modules():
        if type(module).__name__ == "Linear4bit":
            weight = plain.get_submodule(name).weight
            weight.data = torch.cat(list(dequantized_pieces(module))).reshape(weight.shape)
            n_replaced += 1
    assert n_replaced >= 4
    with torch.inference_mode():
        found, expected = (m(input_ids=torch.tensor([IDS]), use_cache=False).logits[0].numpy() for m in (model, plain))
    assert np.corrcoef(found.ravel(), expected.ravel())[0, 1] > 0.99


@pytest.mark.parametrize(("kind", "quantization"), [("jamba", "int8"), ("zamba", "nf4"), ("llama", "int8")])
def test_products_are_given_rows_whose_numbers_lie_side_by_side(
    kind: str, quantization: lm.Quantization, monkeypatch: pytest.MonkeyPatch
) -> None:
    # bitsandbytes' kernels for int8 on CUDA read no other: there Jamba looked not causal.
    model: Any = engine_of(kind, quantization).loaded.model
    modules = [module for module in model.modules() if type(module).__name__ in ("Linear4bit", "Linear8bitLt")]
    given: list[bool] = []
    for module in modules:

        def forward(x: torch.Tensor, own: Any = module.forward) -> torch.Tensor:
            given.append(x.is_contiguous())
            return own(x)

        monkeypatch.setattr(module, "forward", forward)
    with torch.inference_mode():
        model(input_ids=torch.tensor([IDS]), use_cache=False)
    assert len(given) >= len(modules) > 4
    assert all(given)
    # A model that gives no other needs no look at each input.
    assert any(module._forward_pre_hooks for module in modules) == (kind != "llama")


# Pages


@pytest.fixture
def in_a_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "assets").symlink_to(REPOSITORY / "assets")
    (tmp_path / "tiny").mkdir()
    monkeypatch.chdir(tmp_path)
    return tmp_path / "tiny"


def attention_page(folder: Path, kind: str, quantization: str = "none", **changes: Any) -> Any:
    (folder / kind).symlink_to(build(kind))
    _asked_for().add((f"tiny/{kind}", quantization))
    settings = {"model": f"tiny/{kind}", "quantization": quantization, "text": "The cat sat"} | changes
    return no_exception(open_page("pages/prediction/attention.py", **settings))


def test_the_page_says_that_there_is_a_sink_and_not_that_weights_sum_to_1(in_a_folder: Path) -> None:
    app = attention_page(in_a_folder, "gpt_oss")
    said = [box.value for box in app.caption]
    assert any("This model has an attention sink" in words and "sum to less than 1" in words for words in said)
    assert not any("sum to 1" in words for words in [*said, *(box.value for box in app.markdown)])
    assert SINK_WORDS in app.dataframe[0].value["Token"].tolist()


def test_the_page_says_which_blocks_are_attention(in_a_folder: Path) -> None:
    app = attention_page(in_a_folder, "lfm2_moe", attention_layer="2")
    assert "Blocks that have: 2, 4" in sentences(app)


def test_nothing_quantized_is_said_loudly(in_a_folder: Path) -> None:
    engine = engine_of("falcon", "nf4")
    assert (engine.describe().n_quantized, engine.describe().quantization) == (0, "nf4")
    app = attention_page(in_a_folder, "falcon", "nf4")
    assert app.warning[0].value.startswith("0 matrices are quantized: bitsandbytes found no layer of FalconForCausalLM")
    assert any("0 matrices in nf4" in box.value for box in app.caption)
