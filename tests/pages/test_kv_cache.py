"""KV cache shows the bytes, the tokens and the turns of the running model; its own Python prints the same."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

import lmloupe as lm
from lmloupe.chat.prefix import shared_length
from tests.support.architectures import build
from tests.support.jobs import finish_jobs
from tests.support.pages import no_exception, open_page, output_of, payload_of, sentences
from ui.base.loaders import engine as loaded
from ui.state.settings import EMBEDDED_MODEL
from ui.state.settings.defaults import DEFAULT_MESSAGES

TEXT = "The capital of France is"


def headings(app: object) -> list[str]:
    return [one.value.replace("\\", "") for one in app.header]  # type: ignore[attr-defined]


@pytest.mark.model
@pytest.mark.usefixtures("embedded_model_folder")
def test_the_page_says_what_the_library_measures() -> None:
    app = no_exception(open_page("kv_cache", text=TEXT, kv_tokens="3", kv_layer="2", kv_head="1"))
    finish_jobs()
    no_exception(app.run())
    engine = loaded(EMBEDDED_MODEL, "none")
    cache = engine.kv_cache(TEXT)
    n = len(cache.input_ids)
    growth, heat, race, queries, prefix, reuse = headings(app)
    assert growth.startswith(f"Each token takes {cache.formula_per_token:,} bytes")
    assert cache.total_bytes.tolist() == cache.formula_bytes.tolist()
    # What the planner knows of the same model by its config alone.
    known = next(one for one in lm.known_models() if one.key == "smollm2-135m")
    assert known.makeup.cache_bytes(n, "float32") == cache.total_bytes[-1]
    assert "70% of the 538 MB of the weights" in sentences(app)
    assert heat.startswith("Layer 3, head 2: ")
    read = engine.keys_and_values(TEXT, 2)
    drawn = payload_of(app, "kv_picture")
    assert [one["name"] for one in drawn["pictures"]] == ["Key", "Value"]
    assert drawn["pictures"][0]["pairs"] == read.pair_of.tolist()
    assert race.startswith(("Without the cache a token took", "A token took"))
    assert queries.startswith("3 query heads share each of 3 heads of keys and values")
    assert prefix.startswith("Every family keeps all that it has read")
    (pair,) = lm.served_prompts(engine.tokenizer, DEFAULT_MESSAGES)
    kept = shared_length(pair.cached, pair.following)
    assert reuse.startswith(
        f"SmolLM2 135M Instruct went on from {kept} kept tokens and read {len(pair.following) - kept}"
    )
    printed = output_of(app)
    total = int(cache.total_bytes[-1])
    assert printed[0] == f"bytes {total} by the formula {total}"
    assert printed[1].endswith(str(cache.full_heads_bytes))
    own = [float(word.strip("[],")) for word in printed[2].split() if word.strip("[],-").replace(".", "").isdigit()]
    np.testing.assert_allclose(own[:4], read.keys[1, -1, :4], rtol=1e-4)
    steps = [line.split() for line in printed[3:6]]
    assert all(step[0] == step[1] for step in steps)
    assert printed[6] == f"kept {kept} read {len(pair.following) - kept} apart True"
    assert printed[7] == f"bytes {total}"
    assert printed[9] == printed[10] == str([int(step[0]) for step in steps])


@pytest.mark.model
@pytest.mark.usefixtures("embedded_model_folder")
def test_one_token_turns_without_a_request_and_keys_turned_back() -> None:
    app = no_exception(open_page("kv_cache", text="A", kv_tokens="1", kv_turns="turns", kv_keys="back"))
    finish_jobs()
    no_exception(app.run())
    growth, heat, race, _, prefix, _ = headings(app)
    assert growth.startswith("Each token takes 46,080 bytes: 46,080 bytes for this text")
    assert "the key of “A” is" in heat
    assert race.startswith("The first token takes both ways")
    assert prefix.startswith("Phi-3 loses tokens of the cache, 1 of ")
    assert payload_of(app, "kv_picture")["pictures"][0]["pairs"] == []


def test_a_model_with_a_state_and_without_a_chat_template() -> None:
    folder: Path = build("mamba")
    engine = lm.load_engine(folder, device="cpu")
    assert engine.kv_cache("abc").kinds == ("state",)
    app = open_page("kv_cache", text="abc", model=str(folder), kv_tokens="2")
    load = [one for one in app.button if one.label == "Load"]
    assert load
    no_exception(load[0].click().run())
    finish_jobs()
    no_exception(app.run())
    assert headings(app)[0].startswith("This model keeps a state of")
    assert "keeps no keys and values of its own" in sentences(app)
    assert not any("query heads share" in one for one in headings(app))
