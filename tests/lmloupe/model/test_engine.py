"""Every answer of the engine equals transformers' own, on the four architectures and on the embedded model."""

import inspect
import os
import pydoc
import threading
import time
import weakref
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
import torch
from transformers import AutoModelForCausalLM

import lmloupe as lm
from lmloupe.model.local import LocalEngine
from lmloupe.model.passes.worker import Worker
from tests.support.tiny_models import ARCHITECTURES, build

IDS = [5, 17, 42, 99, 3, 200]


@pytest.fixture(scope="module")
def folders(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    root = tmp_path_factory.mktemp("tiny")
    return {arch: build(arch, root / arch) for arch in ARCHITECTURES}


@pytest.fixture(scope="module", params=ARCHITECTURES)
def pair(request: pytest.FixtureRequest, folders: dict[str, Path]) -> tuple[lm.Engine, torch.nn.Module]:
    folder = folders[request.param]
    reference = AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32, use_safetensors=True).eval()
    return lm.load_engine(folder, device="cpu"), reference


def greedy(model: torch.nn.Module, ids: list[int], n: int, **options: object) -> list[int]:
    with torch.inference_mode():
        out = model.generate(torch.tensor([ids]), max_new_tokens=n, do_sample=False, pad_token_id=0, **options)
    return out[0, len(ids) :].tolist()


def test_next_token_equals_the_models_forward(pair: tuple) -> None:
    engine, reference = pair
    with torch.inference_mode():
        expected = reference(torch.tensor([IDS])).logits[0, -1].numpy()
    answer = engine.next_token(IDS)
    assert answer.logits.dtype == np.float32
    np.testing.assert_allclose(answer.logits, expected, rtol=1e-4, atol=1e-5)
    assert np.exp(answer.log_probs).sum() == pytest.approx(1)
    assert answer.input_ids.tolist() == IDS


def test_a_text_is_read_as_its_tokenizer_encodes_it(pair: tuple) -> None:
    engine, _ = pair
    answer = engine.next_token("the cat")
    assert answer.input_ids.tolist() == engine.tokenizer.backend.encode("the cat").ids


def test_embed_is_rows_of_the_matrix(pair: tuple) -> None:
    engine, reference = pair
    rows = engine.embed(np.array(IDS))
    assert rows.dtype == np.float32
    np.testing.assert_array_equal(rows, reference.get_input_embeddings().weight[IDS].detach().numpy())
    assert engine.embed([]).shape == (0, rows.shape[1])


def test_a_tokens_own_vector_is_nearest_to_it(pair: tuple) -> None:
    engine, _ = pair
    found = engine.neighbours(engine.embed([7])[0], 1)
    assert found.ids.tolist() == [7]
    assert found.similarities[0] == pytest.approx(1, abs=1e-5)


def test_greedy_generation_equals_transformers(pair: tuple) -> None:
    engine, reference = pair
    steps = list(engine.generate(IDS, lm.Sampling(temperature=0), max_new_tokens=12))
    assert [step.token_id for step in steps] == greedy(reference, IDS, 12)


def test_greedy_with_a_repetition_penalty_equals_transformers(pair: tuple) -> None:
    engine, reference = pair
    sampling = lm.Sampling(temperature=0, repetition_penalty=1.4)
    steps = list(engine.generate(IDS, sampling, max_new_tokens=12))
    assert [step.token_id for step in steps] == greedy(reference, IDS, 12, repetition_penalty=1.4)


def test_every_step_records_the_models_own_distribution(pair: tuple) -> None:
    engine, reference = pair
    steps = list(engine.generate(IDS, lm.Sampling(temperature=1.7, top_k=40), max_new_tokens=8, seed=3))
    ids = IDS + [step.token_id for step in steps]
    with torch.inference_mode():
        log_probs = torch.log_softmax(reference(torch.tensor([ids])).logits[0].double(), -1).numpy()
    elapsed = 0.0
    for i, step in enumerate(steps):
        row = log_probs[len(IDS) - 1 + i]
        assert step.log_prob == pytest.approx(row[step.token_id], abs=1e-4)
        np.testing.assert_allclose(step.top_log_probs, np.sort(row)[::-1][:10], atol=1e-4)
        np.testing.assert_allclose(row[step.top_ids], step.top_log_probs, atol=1e-4)
        assert step.entropy_bits == pytest.approx(-(np.exp(row) * row).sum() / np.log(2), abs=1e-3)
        assert step.elapsed_s >= elapsed
        elapsed = step.elapsed_s
    tok = engine.tokenizer
    # The matrix has more rows than the tokenizer has tokens; such a row stands for no text.
    raw = [tok.token_bytes(step.token_id) for step in steps if step.token_id < tok.vocab_size]
    assert "".join(step.text for step in steps) == b"".join(raw).decode(errors="replace")


def test_the_seed_decides_the_draws(pair: tuple) -> None:
    engine, _ = pair

    def draw(seed: int) -> list[int]:
        return [step.token_id for step in engine.generate(IDS, None, max_new_tokens=10, seed=seed)]

    assert draw(1) == draw(1)
    assert len({tuple(draw(seed)) for seed in range(5)}) > 1


def test_generations_at_once_equal_generations_alone(pair: tuple) -> None:
    engine, _ = pair

    def run(seed: int) -> list[int]:
        return [step.token_id for step in engine.generate(IDS, None, max_new_tokens=10, seed=seed)]

    alone = [run(seed) for seed in range(4)]
    with ThreadPoolExecutor(4) as pool:
        assert list(pool.map(run, range(4))) == alone


def test_an_end_token_ends_the_generation(pair: tuple) -> None:
    engine, _ = pair
    eos = engine.tokenizer.special_tokens[engine.tokenizer.eos_token]
    for seed in range(200):
        ids = [s.token_id for s in engine.generate(IDS, lm.Sampling(temperature=2), max_new_tokens=100, seed=seed)]
        if eos in ids:
            assert ids.index(eos) == len(ids) - 1
            return
    pytest.fail("no end token in 200 generations")


def test_generation_stops_at_the_end_of_the_context(pair: tuple) -> None:
    engine, _ = pair
    limit = engine.describe().context_length
    prompt = [5] * (limit - 3)
    for seed in range(20):
        steps = list(engine.generate(prompt, None, max_new_tokens=50, seed=seed))
        assert len(steps) <= 3
        if len(steps) == 3:
            return
    pytest.fail("never reached the end of the context")


def test_too_much_and_nothing_and_wrong_ids_are_refused(pair: tuple) -> None:
    engine, _ = pair
    limit = engine.describe().context_length
    engine.next_token([5] * limit)
    with pytest.raises(lm.ContextLengthError, match=f"{limit + 1:,} tokens.*at most {limit:,}"):
        engine.next_token([5] * (limit + 1))
    with pytest.raises(lm.ContextLengthError, match="fills"):
        engine.generate([5] * limit)
    with pytest.raises(lm.InvalidTextError, match="no tokens"):
        engine.next_token([])
    for bad in ([10**6], [-1]):
        with pytest.raises(lm.InvalidIdError, match=str(bad[0])):
            engine.next_token(bad)
        with pytest.raises(lm.InvalidIdError, match=str(bad[0])):
            engine.embed(bad)
        with pytest.raises(lm.InvalidIdError, match=str(bad[0])):
            engine.neighbours(bad[0], 3)
    with pytest.raises(lm.InvalidIdError, match="whole numbers"):
        engine.next_token(np.array([0.5]))
    with pytest.raises(lm.InvalidSettingError, match="finite numbers"):
        engine.neighbours(np.zeros(3), 3)
    with pytest.raises(lm.InvalidSettingError, match="max_new_tokens is 0"):
        engine.generate(IDS, max_new_tokens=0)


def test_describe_accounts_for_every_parameter(pair: tuple) -> None:
    engine, reference = pair
    described = engine.describe()
    config = reference.config
    assert described.n_parameters == reference.num_parameters()
    assert described.bytes == sum(p.nbytes for p in reference.parameters())
    assert (described.n_layers, described.width) == (config.num_hidden_layers, config.hidden_size)
    assert (described.n_heads, described.n_kv_heads) == (config.num_attention_heads, config.num_key_value_heads)
    named = dict(reference.named_parameters(remove_duplicate=False))
    for module in described.modules:
        assert module.shape == tuple(named[f"{module.name}.weight"].shape)
        assert (module.dtype, module.is_quantized) == ("float32", False)


def test_closing_a_generation_stops_the_model(pair: tuple) -> None:
    engine, _ = pair
    generation = engine.generate(IDS, lm.Sampling(temperature=2), max_new_tokens=120)
    next(generation)
    generation.close()
    with pytest.raises(StopIteration):
        next(generation)
    engine.next_token(IDS)  # the worker is free again


class Steps:
    """Work for a worker: who did each step, once the gate is open."""

    def __init__(self) -> None:
        self.order: list[str] = []
        self.gate = threading.Event()

    def work(self, name: str, n: int) -> Iterator[int]:
        self.gate.wait()
        for i in range(n):
            self.order.append(name)
            yield i


def test_the_worker_takes_turns_and_hands_errors_to_their_owner() -> None:
    worker = Worker("test")
    steps = Steps()
    work, order, gate = steps.work, steps.order, steps.gate

    def broken() -> object:
        yield 0
        raise RuntimeError("mine alone")

    first, second, third = worker.submit(work("a", 3)), worker.submit(work("b", 3)), worker.submit(broken())
    gate.set()
    assert [first.take() for _ in range(3)] == [0, 1, 2]
    assert [second.take() for _ in range(3)] == [0, 1, 2]
    assert order[:4] == ["a", "b", "a", "b"]
    assert third.take() == 0
    with pytest.raises(RuntimeError, match="mine alone"):
        third.take()
    assert worker.call(lambda: 7) == 7
    assert worker.call(lambda: None) is None
    with pytest.raises(ZeroDivisionError):
        worker.call(lambda: 1 // 0)


@pytest.mark.parametrize(
    ("error", "asked"),
    [
        (torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 80.00 MiB. GPU 0 has"), "80.00 MiB"),
        (RuntimeError("DefaultCPUAllocator: can't allocate memory: you tried to allocate 8 bytes."), "8 bytes"),
        (RuntimeError("CUDA error: CUBLAS_STATUS_ALLOC_FAILED when calling `cublasCreate(handle)`"), ""),
        (MemoryError(), ""),
    ],
)
def test_full_memory_is_said_in_a_sentence_and_holds_no_tensor(error: Exception, asked: str) -> None:
    class Large:
        pass

    seen: list[weakref.ref[Large]] = []

    def full() -> None:
        large = Large()
        seen.append(weakref.ref(large))
        raise error

    worker = Worker("test")
    with pytest.raises(lm.NotEnoughMemoryError, match="more memory than is free") as caught:
        worker.call(full)
    assert (f"({asked} more were asked for)" in str(caught.value)) == bool(asked)
    assert caught.value.__cause__ is error
    assert seen[0]() is None
    assert worker.call(lambda: 7) == 7


class Stubborn:
    """Work of endless steps whose clean-up goes wrong: it raises, or it yields where it was told to end."""

    def __init__(self, error: BaseException | None) -> None:
        self.error = error
        self.cleaned = threading.Event()

    def steps(self) -> Iterator[int]:
        try:
            while True:
                yield 1
        finally:
            self.cleaned.set()
            if self.error is None:
                yield 2
            else:
                raise self.error


@pytest.mark.parametrize("error", [OSError("no room"), SystemExit(3), KeyboardInterrupt(), GeneratorExit("left"), None])
def test_a_clean_up_that_fails_is_its_owners_alone(
    error: BaseException | None, caplog: pytest.LogCaptureFixture
) -> None:
    worker = Worker("test")
    work = Stubborn(error)
    ticket = worker.submit(work.steps())
    assert ticket.take() == 1
    ticket.close()
    # What was asked before and after it is answered by the same thread, which is alive.
    assert work.cleaned.wait(10)
    assert worker.submit(iter([7])).take(10) == 7
    # A generator that is closed may leave with GeneratorExit: that is not a failure.
    if not isinstance(error, GeneratorExit):
        expected = RuntimeError if error is None else type(error)
        with pytest.raises(expected) as raised:
            ticket.take()
        assert error is None or raised.value is error
        assert "cleaned up" in caplog.text
    with pytest.raises(StopIteration):
        ticket.take()


@pytest.mark.parametrize("error", [SystemExit(3), KeyboardInterrupt(), OSError()])
def test_an_error_of_any_kind_in_a_step_goes_to_its_owner(error: BaseException) -> None:
    def broken() -> Iterator[int]:
        raise error
        yield 1

    worker = Worker("test")
    with pytest.raises(type(error)) as raised:
        worker.submit(broken()).take(10)
    assert raised.value is error
    assert worker.submit(iter([7])).take(10) == 7


def test_work_in_the_background_is_done_while_there_is_no_other() -> None:
    worker = Worker("test")
    steps = Steps()
    work, order, gate = steps.work, steps.order, steps.gate

    behind = worker.submit(work("behind", 3), background=True)
    before = worker.submit(work("before", 3))
    gate.set()
    assert [before.take() for _ in range(3)] == [behind.take() for _ in range(3)] == [0, 1, 2]
    assert order.index("before") <= 1, "it waits for the step at hand alone"
    assert order[-2:] == ["behind", "behind"]


def test_poll_returns_none_while_the_model_is_busy() -> None:
    worker = Worker("slow")
    ticket = worker.submit(iter_slowly())
    assert ticket.take(timeout_s=0.01) is None
    assert ticket.take() == 1


def iter_slowly() -> object:
    time.sleep(0.2)
    yield 1


@pytest.mark.model
def test_the_embedded_model_knows_paris(embedded_model_folder: Path) -> None:
    engine = lm.load_engine()
    answer = engine.next_token("The capital of France is")
    best = int(answer.logits.argmax())
    assert engine.tokenizer.token_bytes(best) == b" Paris"
    assert np.exp(answer.log_probs[best]) == pytest.approx(0.7725, abs=0.002)


@pytest.mark.model
@pytest.mark.parametrize(("quantization", "most"), [("int8", 0.1), ("nf4", 0.8), ("fp4", 1.5)])
def test_the_embedded_model_quantized_stays_near(
    embedded_engine: LocalEngine, quantization: lm.Quantization, most: float
) -> None:
    exact = embedded_engine.next_token("The capital of France is").log_probs
    engine = lm.load_engine(quantization=quantization)
    other = engine.next_token("The capital of France is").log_probs
    divergence = float((np.exp(exact) * (exact - other)).sum())
    assert 0 < divergence < most
    assert engine.describe().bytes < 0.5 * embedded_engine.describe().bytes


# The protocol

QUESTIONS = sorted(name for name in vars(lm.Engine) if not name.startswith("_"))


@pytest.mark.parametrize("name", QUESTIONS)
def test_the_local_engine_answers_every_question_of_the_protocol_and_says_nothing_twice(name: str) -> None:
    asked, answered = vars(lm.Engine)[name], vars(LocalEngine)[name]
    assert asked.__doc__
    assert answered.__doc__ is None
    assert inspect.getdoc(getattr(LocalEngine, name)) == inspect.getdoc(asked)
    if inspect.isfunction(asked):
        asked_for, taken = (
            [(p.name, p.kind, p.default, p.annotation) for p in inspect.signature(each).parameters.values()]
            for each in (asked, answered)
        )
        assert taken == asked_for


def test_help_on_an_engines_method_shows_the_protocols_words(pair: tuple) -> None:
    assert "Probability, rank and entropy" in pydoc.render_doc(pair[0].score)


@pytest.mark.parametrize(
    ("said", "threads"), [("1", 1), ("3", 3), ("64", 4), ("0", 1), ("2,1", 2), ("", 4), ("all", 4)]
)
def test_a_worker_takes_no_more_threads_than_it_was_given(
    said: str, threads: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    given: list[int] = []
    monkeypatch.setattr(os, "sched_getaffinity", lambda pid: set(range(4)), raising=False)
    monkeypatch.setattr(torch, "set_num_threads", given.append)  # which is the whole process's
    monkeypatch.setenv("OMP_NUM_THREADS", said)
    Worker("few").call(lambda: None)
    assert given == [threads]
