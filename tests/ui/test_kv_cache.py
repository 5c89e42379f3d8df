"""What KV cache says in headings is true for one token, for windows and states, for ties, and where nothing is kept."""

from __future__ import annotations

import numpy as np

import lmloupe as lm
from ui.precision.kv_cache.growth import bytes_at, growth_finding
from ui.precision.kv_cache.heat import heat_finding
from ui.precision.kv_cache.prefix import Turn, prefix_finding
from ui.precision.kv_cache.queries import queries_finding
from ui.precision.kv_cache.race import race_finding


def described(**changes: object) -> lm.ModelDescription:
    made = object.__new__(lm.ModelDescription)
    for name, value in ({"context_length": 8192, "bytes": 538_060_032} | changes).items():
        object.__setattr__(made, name, value)
    return made


def layer(i: int, kind: str, n: int, width: int, most: int | None = None) -> lm.CacheLayer:
    shape = (1, 3, n, width)
    tensors = tuple(
        lm.CacheTensor(name, shape, "float32", 12 * n * width, 12 * n * width) for name in ("keys", "values")
    )
    return lm.CacheLayer(i, kind, n, most, tensors)  # type: ignore[arg-type]


def cache(layers: list[lm.CacheLayer], n: int, per_token: int, heads: tuple[int, int] = (9, 3)) -> lm.KVCache:
    own = np.array([[one.bytes for one in layers]], np.int64)
    n_read = np.array([n], np.int32)
    return lm.KVCache(np.zeros(n, np.int32), tuple(layers), n_read, own, own, *heads, 64, 4, per_token, True)


def test_the_heading_of_the_growth() -> None:
    whole = cache([layer(i, "full", 63, 64) for i in range(30)], 63, 46_080)
    assert growth_finding(whole, described()) == (
        "Each token takes 46,080 bytes: 2.9 MB for this text, 377 MB at 8,192 tokens"
    )
    assert bytes_at(whole, 8192) == 8192 * 46_080
    one = cache([layer(i, "full", 1, 64) for i in range(30)], 1, 46_080)
    assert growth_finding(one, described(context_length=0)).startswith(
        "Each token takes 46,080 bytes: 46,080 bytes for"
    )
    mixed = cache([layer(0, "window", 31, 16, 31), layer(1, "full", 40, 16)], 40, 768)
    assert growth_finding(mixed, described(context_length=100)) == (
        "1 of 2 layers keep the last 31 tokens only: 27,264 bytes for this text, 50,304 bytes at 100 tokens"
    )
    state = lm.CacheLayer(0, "state", 0, None, (lm.CacheTensor("conv_states[0]", (1, 8, 4), "float32", 128, 128),))
    assert "a state of 128 bytes, whatever the length" in growth_finding(cache([state], 5, 0, (0, 0)), described())
    assert "nothing" in growth_finding(cache([lm.CacheLayer(0, "nothing", 0, None, ())], 5, 0, (0, 0)), described())


def test_the_heading_of_the_heads() -> None:
    layers = [layer(0, "full", 10, 64)]
    assert queries_finding(cache(layers, 10, 1536)) == (
        "3 query heads share each of 3 heads of keys and values: 15,360 bytes in place of 46,080 bytes"
    )
    assert queries_finding(cache(layers, 10, 1536, (8, 1))).startswith("All 8 query heads share one head")
    assert "nothing is shared" in queries_finding(cache(layers, 10, 1536, (4, 4)))


def step(token: int, other: int, t: float, u: float) -> lm.RaceStep:
    return lm.RaceStep(token, other, t, u, 1, 9, 0.0, 100)


def test_the_heading_of_the_race() -> None:
    first, same, parted = step(1, 1, 0.5, 0.5), step(2, 2, 0.02, 0.2), step(3, 4, 0.02, 0.2)
    assert race_finding((), 63, started=True).endswith("…")
    assert "all 63 tokens read again" in race_finding((), 63, started=False)
    assert "500 ms" in race_finding((first,), 63, started=True)
    assert race_finding((first, same), 63, started=True) == (
        "Without the cache a token took 10 times as long: 200 ms against 20 ms, for the same text"
    )
    assert race_finding((first, parted), 63, started=True).endswith("until rounding parted the texts")
    assert race_finding((first, step(2, 2, 0.2, 0.2)), 63, started=True).endswith("no time saved here")


def test_the_heading_of_the_pictures() -> None:
    def read(keys: list[list[float]], first: int = 0) -> lm.KeysValues:
        one = np.array([keys], np.float32)
        n = len(keys)
        none = np.empty(0, np.int32), np.empty(0, np.float32)
        places = np.arange(first, first + n, dtype=np.int32)
        return lm.KeysValues(np.zeros(first + n, np.int32), 4, "full", places, one, one, "float32", True, *none)

    def heading(found: lm.KeysValues) -> str:
        return heat_finding(found, 0, found.keys[0], ["a"] * len(found.positions))

    assert heading(read([[1, 0], [3, 0], [3, 0]])).endswith("3.0 times shorter than the others’ (median)")
    assert heading(read([[6, 0], [3, 0]])).endswith("2.0 times longer than the other's")
    assert heading(read([[3, 4]])) == "Layer 5, head 1: the key of “a” is 5.0 long"
    assert heading(read([[0, -3], [0, -3]])).endswith("dimension 2 stands out in the keys, −3.0 on average")
    assert "dimension 1 stands out" in heading(read([[1, 0], [3, 0]], first=9))
    assert "dimension" in heading(read([[0, 0], [0, 0]]))


def test_the_heading_of_the_prefixes() -> None:
    def turn(family: str, cached: int, following: int, kept: int) -> Turn:
        return Turn(family, lm.PrefixStep(2, 3, cached, following, kept))

    assert "no further turn" in prefix_finding([])
    assert prefix_finding([turn("A", 30, 40, 30)]) == (
        "Every family keeps all that it has read: 75% of the next prompts need not be read again"
    )
    assert prefix_finding([turn("A", 30, 40, 30), turn("B", 30, 40, 29)]).startswith(
        "B loses tokens of the cache, 1 of 30"
    )
    assert prefix_finding([turn("A", 9, 12, 8), turn("B", 30, 40, 20)]).startswith("2 families lose tokens")
