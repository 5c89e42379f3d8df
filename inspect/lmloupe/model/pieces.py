"""How long the pieces are in which a long text is read; without torch, for who only counts."""

__all__ = ["PREFILL_CHUNK"]

PREFILL_CHUNK = {"cpu": 256, "mps": 1024, "cuda": 4096}
"""Tokens of a piece on each kind of device. A long text is read in pieces, so that Stop and other sessions need not
wait for all of it."""
