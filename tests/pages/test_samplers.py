"""The samplers on Next token: settings in the link, stages as the library's, code that prints the page's numbers."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

import lmloupe as lm
from tests.support.pages import no_exception, open_page, output_of, sentences
from ui.components.distribution_view import RULES, distribution_bars
from ui.components.order_list import order_in
from ui.prediction.sampling.rules import breaker_ids
from ui.prediction.sampling_code import warpers_code
from ui.state.link import encode
from ui.state.settings import SETTINGS

TEXT = "The cat sat on the mat. The cat sat on the"

SAMPLINGS = st.builds(
    lm.Sampling,
    temperature=st.sampled_from([0.0, 0.5, 1.0, 1.7]),
    top_k=st.sampled_from([0, 8]),
    typical_p=st.sampled_from([1.0, 0.6]),
    epsilon_cutoff=st.sampled_from([0.0, 0.03]),
    eta_cutoff=st.sampled_from([0.0, 0.05]),
    top_h=st.sampled_from([0.0, 0.5]),
    top_n_sigma=st.sampled_from([0.0, 1.3]),
    no_repeat_ngram_size=st.sampled_from([0, 1, 2]),
    presence_penalty=st.sampled_from([0.0, 0.7]),
    frequency_penalty=st.sampled_from([0.0, -0.4]),
    dry_multiplier=st.sampled_from([0.0, 0.8]),
    dry_range=st.sampled_from([0, 5]),
    dry_breakers=st.sampled_from([(), (4,)]),
    xtc_probability=st.sampled_from([0.0, 0.5]),
    mirostat_tau=st.sampled_from([0.0, 1.1]),
    order=st.permutations(lm.TRANSFORMERS_ORDER) | st.just(lm.LLAMA_CPP_ORDER),
)


GREEDY_FIRST = ("temperature", *(rule for rule in lm.TRANSFORMERS_ORDER if rule != "temperature"))


@settings(max_examples=120, deadline=None)
@given(SAMPLINGS, st.integers(0, 999), st.sampled_from([0.2, 0.8]))
@example(lm.Sampling(temperature=0.0, no_repeat_ngram_size=1, order=GREEDY_FIRST), 99, 0.2)
def test_the_code_prints_what_the_stages_are_for_every_rule_in_every_order(
    sampling: lm.Sampling, seed: int, coin: float
) -> None:
    import torch

    logits = np.random.default_rng(seed).normal(0, 2, 30)
    ids = torch.tensor([[3, 4, 5, 6, 3, 4, 5, 3, 4]])
    names: dict[str, list[object]] = {"torch": torch}  # type: ignore[dict-item]
    exec(warpers_code(sampling, coin), names)  # noqa: S102 - the code that the page tells people to run
    scores = torch.from_numpy(logits)[None]
    for warper in names["warpers"]:
        scores = warper(ids, scores)  # type: ignore[operator]
    stages = lm.sampling_stages(logits, sampling, ids[0].numpy(), coin=coin)
    np.testing.assert_allclose(torch.softmax(scores, -1)[0].numpy(), stages[-1].probs, atol=1e-6)
    bars = distribution_bars(stages, sampling, range(30), [str(i) for i in range(30)])
    assert {bar.id for bar in bars if bar.removed_by} == set(np.flatnonzero(~stages[-1].kept).tolist())
    removers = {RULES[stage.name] for stage in stages if stage.removed_mass}
    assert removers <= {rule for bar in bars for rule in RULES.values() if bar.removed_by.startswith(rule)}


@given(st.permutations(lm.TRANSFORMERS_ORDER) | st.sampled_from([lm.LLAMA_CPP_ORDER, lm.TRANSFORMERS_ORDER]))
def test_a_link_brings_the_order_back(order: tuple[str, ...]) -> None:
    setting = SETTINGS["sampling_order"]
    held = setting.check(tuple(order))
    assert setting.check(setting.parse(setting.format(held))) == tuple(order)
    assert ("sampling_order" in encode({"sampling_order": held}).params) == (held != lm.TRANSFORMERS_ORDER)
    assert setting.format(lm.LLAMA_CPP_ORDER) == "llama.cpp"
    for other in (order[1:], [*order, "top_k"], "top_k", None, 3):
        with pytest.raises(ValueError, match="every rule once"):
            setting.check(other)


def test_what_a_browser_sends_of_the_order_is_not_believed(monkeypatch: pytest.MonkeyPatch) -> None:
    for sent, expected in ((None, None), ("top_k", None), ([3], None), (["a", "b"], ("a", "b"))):
        monkeypatch.setattr("streamlit.session_state", {"list": {"moved": sent}})
        assert order_in("list") == expected


def test_breakers_are_the_last_tokens_after_a_letter() -> None:
    tok = lm.load_tokenizer("qwen2")
    ids = breaker_ids(tok, '\\n : " * :')
    assert [tok.token_bytes(i) for i in ids] == [b"\n", b":", b'"', b"*"]
    assert breaker_ids(tok, "") == ()


@pytest.mark.model
def test_rules_and_order_come_from_the_link_and_the_code_prints_the_numbers(embedded_engine: lm.Engine) -> None:
    link = {"text": TEXT, "temperature": "1.5", "top_p": "0.9", "dry_multiplier": "0.8", "typical_p": "0.95",
            "sampling_order": "llama.cpp", "xtc_probability": "0.5", "xtc_threshold": "0.05", "mirostat_tau": "5",
            "next_view": "stages"}  # fmt: skip
    app = no_exception(open_page("next_token", **link))
    answer = embedded_engine.next_token(TEXT)
    sampling = lm.Sampling(
        1.5, top_p=0.9, dry_multiplier=0.8, typical_p=0.95, xtc_probability=0.5, xtc_threshold=0.05, mirostat_tau=5,
        dry_breakers=breaker_ids(embedded_engine.tokenizer, '\\n : " *'), order=lm.LLAMA_CPP_ORDER,
    )  # fmt: skip
    stages = lm.sampling_stages(answer.logits, sampling, answer.input_ids, coin=lm.xtc_coin(0))
    table = app.dataframe[0].value
    assert table["Rule"].tolist() == ["the model's own", *(RULES[stage.name] for stage in stages[1:])]
    assert table["Tokens left"].tolist() == [int(stage.kept.sum()) for stage in stages]
    np.testing.assert_allclose(table["Removed"], [100 * stage.removed_mass for stage in stages])
    said = sentences(app)
    assert "transformers applies DRY, then temperature, then top-p, then typical, then XTC, then mirostat;" in said
    assert "The order of the rules changes the result here:" in said
    assert f"The first of seed 0 shows {lm.xtc_coin(0):.2f}, below 0.5: here it acts" in said
    assert "mu = 2 tau = 10 bits" in said

    lines = output_of(app)
    for stage, line in zip(stages, lines, strict=False):
        name, *numbers = line.split()
        assert name == stage.name
        np.testing.assert_allclose(
            [float(number) for number in numbers], [stage.kept.sum(), stage.removed_mass, stage.entropy_bits]
        )
    theirs = {int(token): float(chance) for token, chance in (line.split() for line in lines[len(stages) :])}
    assert len(theirs) == 15
    np.testing.assert_allclose(list(theirs.values()), stages[-1].probs[list(theirs)], atol=2e-6)

    app.button(key="order_transformers").click()
    assert no_exception(app.run()).dataframe[0].value["Rule"].tolist()[1] == "repetition penalty"
    app.button(key="close_dry").click()
    app.button(key="open_top_h").click()
    rules = no_exception(app.run()).dataframe[0].value["Rule"].tolist()
    assert "top-h" in rules
    app.button(key="preset_All off").click()
    assert "All rules are off" in sentences(no_exception(app.run()))


@pytest.mark.model
def test_the_second_settings_have_all_rules_too(embedded_engine: lm.Engine) -> None:
    app = no_exception(open_page("next_token", text=TEXT, next_view="settings"))
    app.button(key="open_xtc_b").click()
    app.run()
    app.button(key="order_llama.cpp_b").click()
    both = no_exception(app.run()).dataframe[1].value
    answer = embedded_engine.next_token(TEXT)
    second = lm.Sampling(1.5, top_p=0.9, xtc_probability=0.5, order=lm.LLAMA_CPP_ORDER)
    end = lm.sampling_stages(answer.logits, second, answer.input_ids, coin=lm.xtc_coin(0))[-1]
    np.testing.assert_allclose(both["Second"], 100 * end.probs[both["Id"]])
