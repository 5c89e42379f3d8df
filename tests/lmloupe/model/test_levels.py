"""Two levels of API: what the question records is what transformers' own pipeline and generate give."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
import transformers
from transformers.pipelines import SUPPORTED_TASKS, TASK_ALIASES

import lmloupe as lm
from lmloupe.model.levels.face import GuardedFace
from lmloupe.model.levels.lines import pipeline_lines
from lmloupe.model.levels.task_words import TASK_WORDS
from tests.support import tiny_models
from tests.support.hub_server import Hub

MESSAGES = [{"role": "system", "content": "Guess."}, {"role": "user", "content": "the next token"}]
TEXT = "A coconut rolls down"


@pytest.fixture(scope="module")
def both(tiny_model_folder: Callable[[str], Path]) -> tuple[lm.Engine, transformers.Pipeline]:
    folder = tiny_model_folder("qwen2")
    model = transformers.AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32)
    theirs = transformers.pipeline(
        "text-generation", model=model, tokenizer=transformers.AutoTokenizer.from_pretrained(folder)
    )
    return lm.load_engine(folder), theirs


@pytest.mark.parametrize("temperature", [0.0, 1.3])
@pytest.mark.parametrize("prompt", [MESSAGES, [*MESSAGES, {"role": "assistant", "content": "the"}], TEXT])
def test_both_levels_give_what_a_plain_pipeline_gives(both: tuple, prompt: object, temperature: float) -> None:
    engine, theirs = both
    found = engine.two_levels(prompt, 12, temperature, seed=5)
    assert found.same
    torch.manual_seed(5)
    given = {"temperature": temperature, "top_k": 50, "top_p": 1.0} if temperature else {}
    expected = theirs(prompt, max_new_tokens=12, do_sample=temperature > 0, **given)
    assert found.returned == repr(expected)
    text = expected[0]["generated_text"]
    whole = text if isinstance(text, str) else text[-1]["content"]
    assert whole.endswith(found.text)
    assert found.settings == (("max_new_tokens", 12), ("do_sample", temperature > 0), *given.items())
    assert dict(found.pipeline_defaults)["do_sample"] is True  # left alone, the pipeline draws
    tokenizer = theirs.tokenizer
    if isinstance(prompt, str):
        ids, string = tokenizer(prompt)["input_ids"], prompt
    else:
        goes_on = prompt[-1]["role"] == "assistant"
        how = {"add_generation_prompt": not goes_on, "continue_final_message": goes_on}
        ids = tokenizer.apply_chat_template(prompt, return_dict=True, **how)["input_ids"]
        string = tokenizer.apply_chat_template(prompt, tokenize=False, **how)
    assert found.string == string
    assert found.input_ids.tolist() == found.pipeline_input_ids.tolist() == [ids]
    assert found.attention_mask.tolist() == [[1] * len(ids)]
    assert found.output_ids[0, : len(ids)].tolist() == ids
    assert tokenizer.decode(found.new_ids, skip_special_tokens=True) == found.text
    assert [one.name for one in found.tensors] == ["input_ids", "attention_mask"]
    assert {(one.shape, one.dtype, one.device) for one in found.tensors} == {((1, len(ids)), "int64", "cpu")}


def test_another_seed_draws_other_tokens_and_torchs_generator_goes_on_as_before(both: tuple) -> None:
    engine, _ = both
    torch.manual_seed(1)
    expected = torch.rand(3)
    torch.manual_seed(1)
    one, other = (engine.two_levels(TEXT, 8, 2.0, seed=seed) for seed in (1, 2))
    assert one.same
    assert other.same
    assert one.new_ids.tolist() != other.new_ids.tolist()
    assert torch.equal(torch.rand(3), expected)


def test_generate_without_the_stars_raises_what_is_reported(both: tuple) -> None:
    engine, theirs = both
    found = engine.two_levels(MESSAGES, 1).wrong_call
    assert found is not None
    assert found.raised[0] == "KeyError('shape')"
    inputs = theirs.tokenizer.apply_chat_template(MESSAGES, return_dict=True, return_tensors="pt")
    with pytest.raises(AttributeError) as raised:
        theirs.model.generate(inputs)
    assert repr(raised.value) == found.raised[-1]
    assert repr(raised.value.__context__) == "KeyError('shape')"


def test_the_lines_are_those_of_the_installed_transformers() -> None:
    package = Path(transformers.__file__).parent.parent
    for is_chat in (True, False):
        lines = pipeline_lines(is_chat=is_chat)
        assert [line.stage for line in lines] == ["string", "ids", "device", "generate", "new", "text"]
        for line in lines:
            written = (package / line.file).read_text("utf-8").splitlines()[line.number - 1 :]
            for ours, theirs in zip(line.source.splitlines(), written, strict=False):
                assert ours.strip() == theirs.strip()
    assert "return_dict=True" in pipeline_lines(is_chat=True)[1].source  # the whole call
    assert "apply_chat_template" not in "".join(line.source for line in pipeline_lines(is_chat=False))


@pytest.mark.model
def test_the_embedded_models_tokenizer_is_transformers_own(embedded_engine: lm.Engine) -> None:
    found = embedded_engine.two_levels([{"role": "user", "content": "What is the capital of Japan?"}], 10)
    assert found.same
    assert "Tokyo" in found.text
    folder = lm.ensure_embedded_model()
    tokenizer = transformers.AutoTokenizer.from_pretrained(folder)
    ids = tokenizer.apply_chat_template(
        [{"role": "user", "content": "What is the capital of Japan?"}], add_generation_prompt=True, return_dict=True
    )["input_ids"]
    assert found.input_ids.tolist() == [ids]
    assert not embedded_engine.tokenizer.backend.padding
    assert not embedded_engine.tokenizer.backend.truncation


def test_what_cannot_be_run_is_refused(both: tuple, monkeypatch: pytest.MonkeyPatch) -> None:
    engine, _ = both
    for arguments, error, words in (
        ((TEXT, 0), lm.InvalidSettingError, "max_new_tokens is 0; it must be 1 to 64"),
        ((TEXT, 4, -1.0), lm.InvalidSettingError, "temperature is -1"),
        ((TEXT, 4, float("nan")), lm.InvalidSettingError, "temperature is nan"),
        (("coconut " * 80, 64), lm.ContextLengthError, "may have at most 64 with 64 new ones"),
        (([], 4), lm.InvalidMessagesError, "conversation is empty"),
        (("\ud800", 4), lm.InvalidTextError, "half of a surrogate pair"),
    ):
        with pytest.raises(error, match=words):
            engine.two_levels(*arguments)
    with pytest.raises(lm.InvalidSettingError, match="top_p 2"):
        engine.two_levels(TEXT, 4, 1.0, top_p=2.0)

    def fails(*_: object, **__: object) -> None:
        raise RuntimeError("a model of another kind")

    monkeypatch.setattr(engine.loaded.model, "generate", fails)
    with pytest.raises(lm.NotAvailableError, match="RuntimeError: a model of another kind"):
        engine.two_levels(TEXT, 4)


def test_a_base_model_has_no_chat_format(both: tuple) -> None:
    engine, _ = both
    bare = lm.load_tokenizer(engine.tokenizer.name)
    object.__setattr__(bare, "chat_template", None)
    with pytest.raises(lm.NoChatTemplateError, match="no chat template"):
        GuardedFace(bare).apply_chat_template(MESSAGES)


def test_every_task_of_the_registry_is_said_in_words() -> None:
    tasks = {task.name: task for task in lm.pipeline_tasks()}
    assert tasks.keys() == SUPPORTED_TASKS.keys() == TASK_WORDS.keys()
    assert {alias: task.name for task in tasks.values() for alias in task.aliases} == TASK_ALIASES
    for name, task in tasks.items():
        assert task.sentence.endswith(".")
        assert task.takes
        assert task.gives
        assert task.pipeline_class == SUPPORTED_TASKS[name]["impl"].rpartition(".")[2]
        assert task.auto_classes == tuple(auto.__name__ for auto in SUPPORTED_TASKS[name]["pt"])
    runs = [task.runs for task in lm.pipeline_tasks()]
    assert runs == sorted(runs, key=["now", "download", "install"].index)


def test_a_task_runs_where_its_packages_and_a_model_are_here(
    hub: Hub, tiny_masked_folder: Callable[[str], Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from lmloupe.model.levels import tasks as room

    monkeypatch.setattr(room, "embedded_model_folder", lambda: None)
    assert {task.runs for task in lm.pipeline_tasks()} <= {"download", "install"}
    commit = tmp_path / "cache" / "models--tiny--bert" / "snapshots" / "0"
    commit.parent.mkdir(parents=True)
    commit.symlink_to(tiny_masked_folder("bert"), target_is_directory=True)
    broken = tmp_path / "cache" / "models--tiny--broken" / "snapshots" / "0"
    broken.mkdir(parents=True)
    (broken / "config.json").write_text("{")
    (broken / "model.safetensors").write_bytes(b"")
    tasks = {task.name: task for task in lm.pipeline_tasks()}
    assert [name for name, task in tasks.items() if task.at_hand] == ["feature-extraction", "fill-mask"]
    assert tasks["fill-mask"].at_hand == ("tiny/bert",)
    monkeypatch.setitem(room.BACKENDS_MAPPING, "vision", (lambda: False, ""))
    room._missing.cache_clear()
    try:
        tasks = {task.name: task for task in lm.pipeline_tasks()}
        assert tasks["depth-estimation"].missing == ("pillow",)
        assert tasks["depth-estimation"].runs == "install"
        assert tasks["fill-mask"].runs == "now"
    finally:
        room._missing.cache_clear()


def test_a_chat_of_a_guarded_tokenizer_is_written_as_transformers_writes_it(both: tuple) -> None:
    engine, theirs = both
    face = GuardedFace(engine.tokenizer)
    assert engine.tokenizer.chat_template == tiny_models.CHAT_TEMPLATE
    ours = face.apply_chat_template(MESSAGES, add_generation_prompt=True, return_dict=True, return_tensors="pt")
    right = theirs.tokenizer.apply_chat_template(
        MESSAGES, add_generation_prompt=True, return_dict=True, return_tensors="pt"
    )
    assert type(ours) is type(right)
    for name in ("input_ids", "attention_mask"):
        np.testing.assert_array_equal(ours[name].numpy(), right[name].numpy())
    assert face.pad_token_id == theirs.tokenizer.pad_token_id
    assert face.decode([2, 7, 8], skip_special_tokens=True) == theirs.tokenizer.decode(
        [2, 7, 8], skip_special_tokens=True
    )
