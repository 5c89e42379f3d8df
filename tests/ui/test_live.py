"""A reply while it is written: boxes of split characters, generations that sessions share, Stop, and what is said."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from itertools import pairwise
from typing import Any

import numpy as np
import pytest
import streamlit as st
from hypothesis import given
from hypothesis import strategies as some
from streamlit.testing.v1 import AppTest

import lmloupe as lm
from tests.support.shared import SHARED
from ui.components.stream_view import IN_ONE_PLACE, message
from ui.generation.live import shared
from ui.generation.live.boxes import Boxes
from ui.generation.live.facts import ended_words
from ui.generation.live.runs import Request, Run
from ui.generation.live.shared import Lives, Watch, server_lives
from ui.generation.live.stream import served_words, stream_tokens

LONG_S = 20
TOKENIZERS = [lm.load_tokenizer(key) for key in lm.embedded_tokenizers()]
EMOJI = some.text(some.sampled_from("🥥🤚🏽👩‍🚀🇫🇷é京ß \na"), min_size=1, max_size=12)


def step(token_id: int, seconds: float = 0.0, **more: Any) -> lm.Step:
    zero = np.zeros(1, np.float32)
    return lm.Step(token_id, "", -0.5, np.array([token_id], np.int32), zero, 1.0, seconds, **more)


def asks(*ids: int) -> Request:
    return Request("tiny", "none", ids, lm.Sampling(), 5, 0)


class Writing:
    """A generation whose steps the test lets through one by one."""

    input_ids = np.zeros(1, np.int32)
    ahead = reused_tokens = 0
    waits = False

    def __init__(self, n: int = 5, fails: Exception | None = None) -> None:
        self.n, self.fails, self.made = n, fails, 0
        self.go, self.closed = threading.Semaphore(0), threading.Event()

    def poll(self, timeout_s: float) -> lm.Step | None:
        if self.closed.is_set() or self.made == self.n:
            raise StopIteration
        if not self.go.acquire(timeout=timeout_s):
            return None
        if self.fails is not None:
            raise self.fails
        self.made += 1
        return step(200 + self.made, self.made / 10)

    def __iter__(self) -> Iterator[lm.Step]:
        raise NotImplementedError

    def __next__(self) -> lm.Step:
        raise NotImplementedError

    def close(self) -> None:
        self.closed.set()

    def through(self, steps: int) -> None:
        self.go.release(steps)


def seen(watch: Watch, n: int) -> list[int]:
    """The ids of the next ``n`` steps."""
    found: list[int] = []
    while len(found) < n:
        found += [one.token_id for one in watch.news(LONG_S)]
    return found


@given(EMOJI, some.sampled_from(TOKENIZERS))
def test_boxes_hold_the_texts_bytes_and_held_back_text_is_always_its_beginning(text: str, tok: lm.Tokenizer) -> None:
    enc, boxes, raw = lm.encode(tok, text), Boxes(tok), b""
    spelt = lm.spell(tok, enc.input_ids).text
    for token_id in enc.input_ids.tolist():
        before = boxes.shown
        box = boxes.add(token_id)
        raw += box.raw
        assert boxes.shown == before + box.adds
        assert spelt.startswith(boxes.shown)
        # Nothing more is held back than the beginning of one character, and nothing less.
        assert boxes.shown.encode() + raw[len(raw) - box.held :] == raw
        assert box.held < 4
        assert box.text is None or box.text == box.raw.decode()
    assert raw == spelt.encode()
    assert boxes.shown == spelt


@given(some.lists(some.integers(0, 49151), max_size=12))
def test_boxes_of_any_ids_show_what_pythons_decoder_shows(ids: list[int]) -> None:
    tok = lm.load_tokenizer("smollm2")
    boxes = Boxes(tok)
    made = [boxes.add(i) for i in ids]
    special = set(tok.special_tokens.values())
    # An engine leaves special tokens out, and what stood before one is at its end.
    runs, run = [], b""
    for i, box in zip(ids, made, strict=True):
        if i in special:
            runs.append(run)
            run = b""
        else:
            run += box.raw
    shown = "".join(part.decode(errors="replace") for part in runs)
    last = run[: len(run) - (made[-1].held if made and ids[-1] not in special else 0)]
    assert boxes.shown == shown + last.decode(errors="replace")
    assert not any(box.joins and not before.held for before, box in pairwise(made))


def test_what_travels_for_512_tokens_stays_small() -> None:
    run = Run(asks(1), [step(id_, i / 20) for i, id_ in enumerate(range(1000, 1512))])
    tokens = stream_tokens(run, TOKENIZERS[0])
    for begin in range(0, len(tokens), IN_ONE_PLACE):
        assert len(str(message("0123456789ab", begin, tokens[begin : begin + IN_ONE_PLACE], 0))) < 2000


def test_equal_requests_are_one_generation_and_who_comes_later_sees_it_from_the_first_token() -> None:
    lives, work = Lives(), Writing()
    first = lives.attach(asks(1), lambda: work)
    work.through(2)
    assert seen(first, 2) == [201, 202]
    second = lives.attach(asks(1), pytest.fail)
    assert seen(second, 2) == [201, 202]
    first.leave()
    assert not work.closed.is_set(), "the second one still watches"
    work.through(3)
    assert seen(second, 3) == [203, 204, 205]
    with pytest.raises(StopIteration):
        second.news(LONG_S)
    kept = lives.finished(asks(1))
    assert kept is not None
    assert kept.finished
    assert seen(lives.attach(asks(1), pytest.fail), 5) == kept.ids
    assert lives.finished(asks(2)) is None


def test_the_last_to_leave_stops_the_model_at_once_and_the_next_one_begins_anew() -> None:
    lives, works = Lives(), [Writing(), Writing()]
    watches = [lives.attach(asks(1), lambda: works[0]) for _ in range(3)]
    for watch in watches:
        assert not works[0].closed.is_set()
        watch.leave()
        watch.leave()  # twice is as once
    assert works[0].closed.is_set(), "closed before `leave` returned"
    again = lives.attach(asks(1), lambda: works[1])
    works[1].through(1)
    assert seen(again, 1) == [201]
    assert lives.finished(asks(1)) is None


def test_a_page_that_runs_again_comes_back_to_the_same_generation_and_a_closed_tab_does_not() -> None:
    lives, work = Lives(), Writing()
    lives.attach(asks(1), lambda: work).leave(grace_s=LONG_S)
    again = lives.attach(asks(1), pytest.fail)
    again.leave(grace_s=0.01)
    assert work.closed.wait(LONG_S)
    other = Writing()
    lives.attach(asks(1), lambda: other).leave(grace_s=LONG_S)
    late = lives.attach(asks(1), pytest.fail)
    late.leave(LONG_S)
    late.leave()  # Stop, after the page's own leave: it does not wait for the grace
    assert other.closed.is_set()


def test_an_error_reaches_every_watcher_and_is_kept_for_nobody_else() -> None:
    lives, work = Lives(), Writing(fails=lm.NotFiniteError("The scores hold NaN."))
    watches = [lives.attach(asks(1), lambda: work) for _ in range(2)]
    work.through(1)
    for watch in watches:
        with pytest.raises(lm.NotFiniteError, match="NaN"):
            watch.news(LONG_S)
        assert watch._live.error is not None, "kept without the frames it came through, which hold the model"
        assert watch._live.error.__traceback__ is None
    assert work.closed.is_set()
    fresh = Writing()
    fresh.through(1)
    assert seen(lives.attach(asks(1), lambda: fresh), 1) == [201]


def test_finished_generations_are_let_go_when_there_are_many(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shared, "KEPT", 2)
    lives = Lives()
    for number in range(3):
        work = Writing(1)
        work.through(1)
        watch = lives.attach(asks(number), lambda work=work: work)  # type: ignore[misc]
        assert seen(watch, 1)
        with pytest.raises(StopIteration):
            watch.news(LONG_S)
    assert [lives.finished(asks(number)) is not None for number in range(3)] == [False, True, True]


def page() -> None:
    import streamlit as st

    from tests.support.shared import SHARED
    from ui.generation.live.stream import stop_button, stream
    from ui.state.session import one_run

    with one_run("live"):
        run = st.session_state.get("run")
        stop_button(st.empty())
        if run is not None and run.going:
            stream(run, SHARED[0], st.empty())
        if run is not None:
            st.markdown(f"{run.ids} finished {run.finished} stopped {run.stopped}")


class Engine:
    """As much of an engine as `stream` asks for."""

    tokenizer = TOKENIZERS[0]

    def __init__(self) -> None:
        self.works: list[Writing] = []

    def generate(self, *_: object, **__: object) -> Writing:
        self.works.append(Writing())
        return self.works[-1]

    def serving(self) -> lm.Serving:
        if len(st.session_state["run"].steps) >= st.session_state.get("leaves_after", 9):
            st.stop()  # the script ends within `stream`, as a click or a closed tab ends it
        return lm.Serving(len(self.works), 0, 8, batched=True)


def test_two_sessions_watch_one_reply_stop_is_each_ones_own_and_the_last_to_go_ends_it() -> None:
    engine = Engine()
    SHARED[:] = [engine]
    server_lives.clear()
    first, second = (AppTest.from_function(page, default_timeout=LONG_S).run() for _ in range(2))
    for session in (first, second):
        session.session_state["run"] = Run(asks(1))
    stays = threading.Thread(target=first.run)
    stays.start()
    while not engine.works:
        time.sleep(0.01)
    engine.works[0].through(2)
    second.session_state["leaves_after"] = 2
    second.run().button[0].click().run()
    assert second.markdown[0].value == "[201, 202] finished False stopped True"
    assert not engine.works[0].closed.is_set()
    engine.works[0].through(3)
    stays.join(LONG_S)
    assert first.markdown[0].value == "[201, 202, 203, 204, 205] finished True stopped False"
    assert len(engine.works) == 1

    second.session_state["run"], second.session_state["leaves_after"] = Run(asks(2)), 0
    second.run()
    assert not engine.works[1].closed.is_set(), "the page may run again"
    second.button[0].click().run()
    assert engine.works[1].closed.is_set()


def test_a_stop_on_a_real_engine_gives_its_place_to_the_next(tiny_model_folder: Any) -> None:
    engine: Any = lm.load_engine(str(tiny_model_folder("llama")))
    engine.scheduler._line.most = 1
    lives = Lives()

    def ask(seed: int) -> Watch:
        return lives.attach(asks(seed), lambda: engine.generate([5, 6, 7], max_new_tokens=100, seed=seed, stop_ids=()))

    first, gate = ask(0), threading.Event()
    assert seen(first, 3)
    engine.loaded.worker.submit(gate.wait(LONG_S) for _ in range(1))  # the model stands still meanwhile
    second, third = ask(1), ask(2)
    assert (first.ahead, second.ahead, third.ahead) == (None, 0, 1)
    first.leave()
    second.leave()
    gate.set()
    assert len(seen(third, 100)) == 100
    engine.next_token([5])  # comes after what was in hand
    assert lives.finished(asks(0)) is lives.finished(asks(1)) is None
    assert engine.serving() == lm.Serving(0, 0, 1, batched=True)


@pytest.mark.parametrize(
    ("ended_by", "words"),
    [
        ("stop", "The model ended its reply with “!”, an end token, after 1 token."),
        ("length", "It was cut off after 1 token, as many as were asked for: “!” is the last one, not an end."),
        ("context", "It was cut off at “!”: the prompt and the reply fill the context of 3 tokens."),
        ("", "It was stopped after 1 token; the last is “!”."),
    ],
)
def test_one_sentence_says_what_ended_it(ended_by: Any, words: str) -> None:
    assert ended_words(Run(asks(5, 6), [step(0, ended_by=ended_by)]), lm.load_tokenizer("llama-3.1")) == words


def test_who_else_is_served_is_said_with_the_own_place() -> None:
    def say(writing: int, waiting: int, ahead: int | None = None) -> str:
        return served_words(lm.Serving(writing, waiting, 8, batched=True), ahead)

    assert say(1, 0) == say(0, 0) == ""
    assert say(2, 0) == "2 replies are being written together."
    in_turn = served_words(lm.Serving(2, 0, 8, batched=False, reason="Its cache is not merged."), None)
    assert in_turn == "2 replies are being written in turn. Its cache is not merged."
    assert say(8, 1, 0) == "8 replies are being written together; you are next."
    assert say(8, 3, 2) == "8 replies are being written together; 2 others are before you."
    assert say(8, 3) == "8 replies are being written together, 3 wait."
    assert say(1, 1) == "1 reply is being written, 1 waits."


def test_a_slow_beginning_holds_up_nobody_else_and_equal_requests_begin_once() -> None:
    lives, begins, go = Lives(), [], threading.Event()
    quick = lives.attach(asks(1), Writing)

    def slowly() -> lm.Generation:
        begins.append(Writing())
        assert go.wait(LONG_S)
        return begins[-1]

    found: list[Watch] = []
    waiting = [threading.Thread(target=lambda: found.append(lives.attach(asks(2), slowly))) for _ in range(3)]
    for thread in waiting:
        thread.start()
    assert lives.finished(asks(1)) is None
    quick.leave()  # Stop, while the other one has not begun
    assert found == []
    go.set()
    for thread in waiting:
        thread.join(LONG_S)
    assert len(begins) == 1
    assert len({watch.name for watch in found}) == 1
    assert lives._turns == {}
    for watch in found:
        watch.leave()


def test_who_waited_for_a_beginning_that_failed_begins_it_again() -> None:
    lives, n = Lives(), 0

    def fails_once() -> lm.Generation:
        nonlocal n
        n += 1
        if n == 1:
            raise lm.InvalidSettingError("no")
        return Writing()

    with pytest.raises(lm.InvalidSettingError):
        lives.attach(asks(1), fails_once)
    lives.attach(asks(1), fails_once).leave()
    assert lives._turns == {}
