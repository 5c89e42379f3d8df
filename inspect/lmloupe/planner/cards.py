"""Cards that people meet: how much memory a model can have there, how fast it is read, and what the card cannot do."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from dataclasses import dataclass

from lmloupe.errors import InvalidSettingError
from lmloupe.planner.machine_memory import available_gpu_memory, available_memory

__all__ = ["CUDA_RESERVE", "PUBLISHED_CARDS", "Card", "find_card", "known_cards"]

CUDA_RESERVE = 480 << 20
"""Bytes beside everything counted, on an NVIDIA card: driver's context, loaded kernels, buffers of the products."""
_GIB = 1 << 30


@dataclass(frozen=True, slots=True)
class Card:
    """A graphics card or a computer without one.

    Attributes:
        key: short name, ``"t4"``.
        name: for people, ``"T4"``.
        kind: ``"cuda"`` or ``"cpu"``.
        memory_gb: as it is sold, 16.
        memory_bytes: as torch reports a card's capacity, which is less than what is sold by what its driver keeps; of
            this machine, what is free now.
        reserve_bytes: of these, what is not for the model. An assumption: 480 MiB on a card for CUDA's context and
            buffers, 4 GiB on a laptop for the system and a browser.
        bandwidth: bytes a second from its memory, published; 0 where not known.
        compute_capability: NVIDIA's number of what the card can do, (7, 5); None for others.
        source: where the figures are published.
    """

    key: str
    name: str
    kind: str
    memory_gb: float
    memory_bytes: int
    reserve_bytes: int
    bandwidth: float
    compute_capability: tuple[int, int] | None
    source: str

    @property
    def usable_bytes(self) -> int:
        """What weights, cache and activations may take together."""
        return max(0, self.memory_bytes - self.reserve_bytes)

    @property
    def cannot(self) -> tuple[str, ...]:
        """What it has no hardware for, each in one sentence; empty for one that has all that LM Loupe uses."""
        return tuple(sentence for _, sentence in self._lacks())

    def lacks(self, dtype: str) -> str:
        """Why it should not compute in ``"bfloat16"``, ``"float16"`` or ``"float32"``; empty where it can."""
        return next((sentence for what, sentence in self._lacks() if what == dtype), "")

    def _lacks(self) -> list[tuple[str, str]]:
        able = self.compute_capability
        if able is None:
            return []
        who, missing = self.name if self.key.startswith("here") else f"The {self.name}", []
        if able < (8, 0):
            missing.append(("bfloat16", f"{who} has no hardware for bfloat16: compute in float16."))
        if able < (8, 9):
            missing.append(("float8", f"{who} has no hardware for 8-bit floats (fp8)."))
        if able < (10, 0):
            missing.append(("float4", f"{who} has no hardware for products of 4-bit floats (NVFP4, MXFP4)."))
        return missing


def known_cards() -> tuple[Card, ...]:
    """The cards, smallest first, a laptop, and this machine last: its memory, and its NVIDIA GPU where it has one.

    Figures of the makers' data sheets; capacities as torch's messages about full memory give them, which differ by a
    few hundredths between drivers. Needs no torch where this machine has no NVIDIA driver.

    >>> [card.name for card in known_cards()][:2]
    ['RTX 3060', 'T4']
    """
    return (*PUBLISHED_CARDS, *_this_machine())


def find_card(card: Card | str) -> Card:
    """A card by its key, as it is given back where it is one already.

    Raises:
        InvalidSettingError: no such card.
    """
    if isinstance(card, Card):
        return card
    known = {one.key: one for one in known_cards()}
    if card not in known:
        raise InvalidSettingError(f"Card {card[:80]!r} is not known: choose from {', '.join(known)}.")
    return known[card]


def _nvidia(key: str, name: str, gb: int, gib: float, gbs: float, able: tuple[int, int], source: str) -> Card:
    return Card(key, name, "cuda", gb, int(gib * _GIB), CUDA_RESERVE, gbs * 1e9, able, source)


PUBLISHED_CARDS = (
    _nvidia("rtx-3060", "RTX 3060", 12, 11.75, 360, (8, 6), "NVIDIA, GeForce RTX 3060 family"),
    _nvidia("t4", "T4", 16, 14.74, 320, (7, 5), "NVIDIA, T4 data sheet"),
    _nvidia("l4", "L4", 24, 22.03, 300, (8, 9), "NVIDIA, L4 data sheet"),
    _nvidia("a10g", "A10G", 24, 22.15, 600, (8, 6), "AWS, EC2 G5 instances; NVIDIA, A10 data sheet"),
    _nvidia("rtx-4090", "RTX 4090", 24, 23.64, 1008, (8, 9), "NVIDIA, GeForce RTX 4090"),
    _nvidia("a100-40", "A100 40 GB", 40, 39.39, 1555, (8, 0), "NVIDIA, A100 data sheet"),
    _nvidia("a100-80", "A100 80 GB", 80, 79.14, 2039, (8, 0), "NVIDIA, A100 data sheet (SXM)"),
    _nvidia("h100", "H100", 80, 79.18, 3350, (9, 0), "NVIDIA, H100 data sheet (SXM)"),
    _nvidia("h200", "H200", 141, 139.80, 4800, (9, 0), "NVIDIA, H200 data sheet"),
    Card("laptop-16", "Laptop, 16 GB", "cpu", 16, 16 * _GIB, 4 * _GIB, 51.2e9, None, "two channels of DDR4-3200"),
)


def _this_machine() -> Iterator[Card]:
    yield Card("here", "This machine", "cpu", 0, available_memory(), 80 << 20, 0.0, None, "measured")
    if shutil.which("nvidia-smi") is None:
        return
    import torch  # only where there is a driver: it takes seconds

    if torch.cuda.is_available():
        # Asking makes CUDA's context, so that it is no longer among what is free.
        free, gpu = available_gpu_memory(), torch.cuda.get_device_properties(0)
        yield Card(
            "here-gpu", f"This machine's {gpu.name}", "cuda", 0, free, 0, 0.0, (gpu.major, gpu.minor), "measured"
        )
