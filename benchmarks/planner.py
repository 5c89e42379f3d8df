"""What a plan costs: of a known model, without torch, and of any config, against the bare model without numbers."""

from __future__ import annotations

import json
import subprocess
import sys

from benchmarks.harness import Row, none_of, paired
from benchmarks.server import environment

KEY = "llama-3.1-8b"
TARGET_MS = 50.0
HEAVY = ("torch", "transformers", "bitsandbytes", "huggingface_hub")


def rows() -> list[Row]:
    """A known model in a new context, on all cards too; the same model as a pasted config that was not seen yet."""
    import lmloupe as lm

    first = _fresh()
    context = iter(range(1024, 1 << 20))
    cards = [card for card in lm.known_cards() if card.source != "measured"]

    def on_all_cards() -> None:
        plan = lm.memory_plan(KEY, "nf4", context=next(context))
        for card in cards:
            plan.on(card)

    one = paired(lambda: lm.memory_plan(KEY, "nf4", context=next(context)), on_all_cards, rounds=15, warm_up=2)
    pasted, bare = _pasted()
    built = paired(pasted, bare, rounds=5)
    return [
        Row("a known model's plan", one.ours_s * 1e3, unit="ms", target=TARGET_MS, judged="ours"),
        Row(
            f"  with its verdicts on {len(cards)} cards", one.floor_s * 1e3, unit="ms", target=TARGET_MS, judged="ours"
        ),
        none_of("  heavy modules that it loads", HEAVY, first),
        Row(
            "a plan of a pasted config",
            built.ours_s,
            built.floor_s,
            "transformers, the model without numbers and one pass of it",
            ratio=built.ratio,
            target=1.5,
        ),
    ]


def _fresh() -> list[str]:
    """Which of `HEAVY` a fresh interpreter holds after a known model's plan."""
    code = (
        f"import sys, lmloupe as lm; assert lm.memory_plan({KEY!r}, 'nf4').n_parameters > 8e9; "
        f"print(*[m for m in {HEAVY!r} if m in sys.modules])"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], env=environment(), check=True, capture_output=True, encoding="utf-8"
    )
    return done.stdout.split()


def _pasted():  # type: ignore[no-untyped-def]
    import torch
    import transformers

    import lmloupe as lm

    config = json.loads(next(model for model in lm.known_models() if model.key == KEY).config)
    width = iter(range(config["intermediate_size"], 1 << 20, 8))  # another config each time: answers are kept

    def pasted() -> None:
        lm.memory_plan(config | {"intermediate_size": next(width)}, "nf4")

    def bare() -> None:
        made = transformers.LlamaConfig.from_dict(config | {"intermediate_size": next(width)})
        with torch.device("meta"), torch.inference_mode():
            model = transformers.AutoModelForCausalLM.from_config(made, dtype=torch.bfloat16)
            model(torch.zeros((1, 8), dtype=torch.long), use_cache=True, logits_to_keep=1)

    return pasted, bare
