"""The Tokens page and the calls behind it: a keystroke, 100,000 tokens painted; `merge_steps`, `align`, `stages`."""

from __future__ import annotations

import asyncio
from functools import partial
from statistics import median, quantiles

from benchmarks.encoding import FAMILIES
from benchmarks.first_paint import paint_rows
from benchmarks.harness import Row, paired, skipped, together
from benchmarks.keystroke import Answer, Typist, view_text
from benchmarks.server import FRONT_DOOR, REPOSITORY, cpu_s, serve, wait_until_up
from benchmarks.text import mixed_text

N_TYPED, N_KEYSTROKES, N_FIRST = 2_000, 40, 5
TARGET_KEYSTROKE_MS = 50.0
N_REPLAYED = 10_000
TARGET_REPLAY_S = 1.0
N_ALIGNED, TIMES_MORE = 50_000, 4
TARGET_LINEAR = 5.0
BARE_ENCODES = REPOSITORY / "benchmarks" / "apps" / "bare_encodes.py"


def rows() -> list[Row]:
    """Keystrokes on the page, its first paint in Chromium, and the library's calls."""
    return [*_keystrokes(), *paint_rows(), *library_rows()]


def library_rows(n: int = N_REPLAYED, n_aligned: int = N_ALIGNED, rounds: int = 5) -> list[Row]:
    """`merge_steps` and `stages` of ``n`` characters, `align` of ``n_aligned`` and four times as many."""
    return [_replay(n, rounds), _linear(n_aligned, rounds), _stages(n, rounds)]


def p95(values: list[float]) -> float:
    """The 95th percentile, between the two values nearest to it."""
    return quantiles(values, n=20, method="inclusive")[-1]


def _keystrokes() -> list[Row]:
    with serve(FRONT_DOOR) as server, serve(BARE_ENCODES) as bare:
        wait_until_up(server)
        wait_until_up(bare)
        ours = Typist(
            server,
            lambda element: element.bidi_component.component_name == "lmloupe_token_view",
            "tokens",
            f"tokenizers={','.join(FAMILIES)}",
        )
        floor = Typist(bare, lambda element: element.HasField("text"))
        answers, before, after = asyncio.run(_type_in_turns(ours, floor))
    shown = [[1000 * answer.shown_s for answer in side] for side in zip(*answers, strict=True)]
    done = [[1000 * answer.done_s for answer in side] for side in zip(*answers, strict=True)]
    held = "page of the four encodes"
    return [
        Row(
            f"keystroke to rows, {N_TYPED:,} characters, four tokenizers, 95th percentile",
            p95(shown[0]),
            p95(shown[1]),
            held,
            unit="ms",
            ratio=p95(shown[0]) / p95(shown[1]),
            target=TARGET_KEYSTROKE_MS,
            judged="ours",
            note=f"the server's share of {N_KEYSTROKES} keystrokes; {_medians(shown)}",
        ),
        Row(
            "  until the whole page is done",
            p95(done[0]),
            p95(done[1]),
            held,
            unit="ms",
            ratio=p95(done[0]) / p95(done[1]),
            note=_medians(done),
        ),
        _computed(before, after, held),
    ]


def _computed(before: list[float | None], after: list[float | None], held: str) -> Row:
    # Other programs on the machine lengthen the times above, and hardly this one.
    what = "  computed by the server for it, mean"
    spent = [
        1000 * (end - start) / N_KEYSTROKES
        for start, end in zip(before, after, strict=True)
        if start is not None and end is not None
    ]
    if len(spent) < 2:
        return skipped(what, "this system has no /proc/PID/stat to read a process's time from")
    note = "for all of the page, not the rows alone"
    return Row(what, spent[0], spent[1], held, unit="ms", ratio=spent[0] / spent[1], note=note)


def _medians(sides: list[list[float]]) -> str:
    ours, floor = (median(side) for side in sides)
    return f"medians {ours:.0f} ms and {floor:.0f} ms"


async def _type_in_turns(
    ours: Typist, floor: Typist
) -> tuple[list[tuple[Answer, Answer]], list[float | None], list[float | None]]:
    """Each keystroke once on either page, the order swapping, so that both meet the same machine.

    Gives also the time that either server had computed before and after those that count.
    """
    text = mixed_text(2 * N_TYPED)
    sides = (ours, floor)
    for side in sides:
        await side.open()
    pairs: list[tuple[Answer, Answer]] = []
    before: list[float | None] = []
    for number in range(N_FIRST + N_KEYSTROKES):
        if number == N_FIRST:
            before = [cpu_s(side.server.pid) for side in sides]
        typed = text[: N_TYPED - N_FIRST - N_KEYSTROKES + number + 1]
        order = sides if number % 2 == 0 else sides[::-1]
        answers = {id(side): await side.type(typed) for side in order}
        assert view_text(ours.answer) == typed, "the rows are not those of the text that was typed"
        pairs.append((answers[id(ours)], answers[id(floor)]))
    after = [cpu_s(side.server.pid) for side in sides]
    for side in sides:
        await side.close()
    return pairs[N_FIRST:], before, after


def _replay(n: int, rounds: int) -> Row:
    import lmloupe as lm

    tok, text = lm.load_tokenizer("phi-3"), mixed_text(4 * n)[:n]
    assert lm.merge_steps(tok, text).steps
    got = paired(lambda: lm.merge_steps(tok, text), lambda: tok.backend.encode(text), rounds=rounds)
    return Row(
        f"merge_steps of {n:,} characters, Phi-3",
        got.ours_s,
        got.floor_s,
        "tokenizers: encode, which keeps no steps",
        ratio=got.ratio,
        target=TARGET_REPLAY_S,
        judged="ours",
    )


def _linear(n: int, rounds: int) -> Row:
    import lmloupe as lm

    tokenizers = [lm.load_tokenizer(name) for name in FAMILIES]
    text = mixed_text(4 * TIMES_MORE * n)
    short, long = ([lm.encode(tok, text[:length]) for tok in tokenizers] for length in (n, TIMES_MORE * n))
    got = paired(lambda: lm.align(long), lambda: lm.align(short), rounds=rounds)
    return Row(
        f"align four tokenizers, {TIMES_MORE * n:,} characters",
        got.ours_s,
        got.floor_s,
        f"align of {n:,} characters",
        ratio=got.ratio,
        target=TARGET_LINEAR,
    )


def _stages(n: int, rounds: int) -> Row:
    import lmloupe as lm

    text = mixed_text(4 * n)[:n]
    parts = []
    for name in FAMILIES:
        tok = lm.load_tokenizer(name)
        parts.append(paired(partial(lm.stages, tok, text), partial(lm.encode, tok, text), rounds=rounds))
    total = together(parts)
    return Row(
        f"stages of {n:,} characters, all four", total.ours_s, total.floor_s, "lmloupe.encode", ratio=total.ratio
    )
