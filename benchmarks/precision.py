"""Five precisions of one model compared on a text, against the bare loads and forwards; and the memory at its peak."""

from __future__ import annotations

import gc
import json
import subprocess
import sys
from collections.abc import Callable, Sequence
from typing import Any

from benchmarks.harness import Row, paired, skipped
from benchmarks.model import MODEL, PROMPT, on_worker

N_TOKENS = 200
SPECS = ("bfloat16", "int8", "fp4", "nf4", "nf4+double")
TARGET_TIME = 1.2
TARGET_MEMORY = 1.0

# In a process of its own: what another row has used is no part of the peak. Files that are mapped are left out where
# the system tells them apart: plain weights lie in their file, whose pages are given up when memory is wanted.
_PEAK = """
import json, sys, threading, time
import psutil
import lmloupe as lm
from lmloupe.precision.comparison import steps

process = psutil.Process()
def held():
    found = process.memory_info()
    return found.rss - getattr(found, "shared", 0)

peaks, ended = [0], threading.Event()
def watch():
    while not ended.wait(0.005):
        peaks[0] = max(peaks[0], held())

folder, ids, specs = json.loads(sys.argv[1])
lm.compare_quantizations(folder, ids[:8], specs, max_new_tokens=0)  # what the libraries take is there from now on
before = held()
threading.Thread(target=watch, daemon=True).start()
report = lm.compare_quantizations(folder, ids, specs, max_new_tokens=0)
ended.set()
print(json.dumps([peaks[0] - before, [one.weight_bytes for one in report.results]]))
"""


def rows() -> list[Row]:
    """`compare_quantizations` of five precisions beside the baseline: time and memory."""
    import lmloupe as lm

    try:
        folder = str(lm.ensure_embedded_model())
    except lm.LoupeError as error:
        return [skipped("compare_quantizations", str(error))]
    engine = lm.load_engine(MODEL, device="cpu")
    ids = engine.input_ids(PROMPT * 6)[:N_TOKENS].tolist()
    found = [timed(engine, folder, ids, SPECS), by_name(engine, folder, ids, SPECS)]
    del engine
    gc.collect()
    return [*found, memory(folder, ids, SPECS)]


def bare(
    engine: Any, folder: str, ids: Sequence[int], specs: Sequence[str], *, baseline_too: bool
) -> Callable[[], None]:
    """The libraries alone: each precision loaded, one forward over the text with the logits of all its tokens.

    The baseline is loaded too where that is asked; else its forward is that of the engine.
    """
    import torch
    import transformers

    import lmloupe as lm

    rows = torch.tensor([list(ids)])

    def forward(model: Any) -> None:
        on_worker(engine, lambda: model(input_ids=rows, use_cache=False))()

    def work() -> None:
        if not baseline_too:
            forward(engine.loaded.model)
        for precision in map(lm.Precision.parse, ("float32", *specs) if baseline_too else specs):
            settings: dict[str, Any] = {}
            if precision.weights == "int8":
                settings = {"quantization_config": transformers.BitsAndBytesConfig(load_in_8bit=True)}
            elif precision.is_quantized:
                settings = {
                    "quantization_config": transformers.BitsAndBytesConfig(
                        load_in_4bit=True,
                        bnb_4bit_quant_type=precision.weights,
                        bnb_4bit_use_double_quant=precision.double_quant,
                        bnb_4bit_compute_dtype=torch.float32,
                    )
                }
            dtype = getattr(torch, precision.weights) if not precision.is_quantized else torch.float32
            model: Any = transformers.AutoModelForCausalLM.from_pretrained(
                folder, dtype=dtype, device_map={"": "cpu"}, **settings
            ).eval()
            forward(model)
            del model

    return work


def timed(engine: Any, folder: str, ids: Sequence[int], specs: Sequence[str], rounds: int = 3) -> Row:
    """The baseline is loaded before, as it is on the page; the others are loaded anew on both sides."""
    import lmloupe as lm

    got = paired(
        lambda: lm.compare_quantizations(engine, ids, specs, max_new_tokens=0),
        bare(engine, folder, ids, specs, baseline_too=False),
        rounds=rounds,
    )
    return Row(
        f"compare_quantizations, {len(specs)} precisions on {len(ids)} tokens",
        got.ours_s,
        got.floor_s,
        "the bare loads and forwards",
        ratio=got.ratio,
        target=TARGET_TIME,
    )


def by_name(engine: Any, folder: str, ids: Sequence[int], specs: Sequence[str], rounds: int = 3) -> Row:
    """The baseline is loaded too: with what `load_engine` finds out about a model when it loads it first."""
    import lmloupe as lm

    got = paired(
        lambda: lm.compare_quantizations(folder, ids, specs, max_new_tokens=0),
        bare(engine, folder, ids, specs, baseline_too=True),
        rounds=rounds,
    )
    note = "with the tokenizer, the estimate of memory and the trial passes of a first load"
    what = "  the same by name, the baseline loaded too"
    return Row(what, got.ours_s, got.floor_s, "the bare loads and forwards", ratio=got.ratio, note=note)


def memory(folder: str, ids: Sequence[int], specs: Sequence[str]) -> Row:
    """The peak beyond what the libraries take, against the largest model plus the largest quantized one."""
    what = f"  memory at its peak, {len(ids)} tokens"
    given = json.dumps([folder, list(ids), list(specs)])
    done = subprocess.run([sys.executable, "-c", _PEAK, given], capture_output=True, encoding="utf-8", check=False)
    if done.returncode:
        return skipped(what, (done.stderr.strip().splitlines() or ["the process ended"])[-1])
    peak, weights = json.loads(done.stdout.splitlines()[-1])
    allowed = weights[0] + max(weights[1:])
    return Row(
        what, peak / 1e6, allowed / 1e6, "the largest model plus one quantized", unit="MB",
        ratio=peak / allowed, target=TARGET_MEMORY,
    )  # fmt: skip
