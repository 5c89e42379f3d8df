"""The Python beside a tree: the chosen branch, token by token."""

from __future__ import annotations

import lmloupe as lm
from ui.generation.tree.session import Held
from ui.model.transformers_code import loading_code

__all__ = ["branch_code"]

_HEAD = """
import lmloupe as lm

engine = lm.load_engine({model!r}, quantization={quantization!r})
tok = engine.tokenizer
{prompt}
sampling = lm.{sampling!r}
"""
_PLAIN = """steps = list(engine.generate(ids, sampling, max_new_tokens={n}, seed={seed}))
for step in steps:
    print(repr(step.text), step.log_prob, step.entropy_bits)
"""
_PARTS = """
# Each part of the branch: ids that were put there, the seed, and how many tokens are drawn after them
parts = {parts!r}
path = []
for forced, seed, n in parts:
    path += forced
    for step in engine.generate(ids + path, sampling, max_new_tokens=n, seed=seed) if n else ():
        print(repr(step.text), step.log_prob, step.entropy_bits)
        path.append(step.token_id)
"""
_TAIL = """
# The same log probabilities with transformers alone: one pass over the prompt and the tokens of the branch
{loading}
drawn = {drawn!r}
with torch.inference_mode():
    read = torch.tensor([ids + drawn], device=model.device)
    logits = model(input_ids=read).logits[0, len(ids) - 1 : -1].float()
log_probs = torch.log_softmax(logits, -1)
for i, token_id in enumerate(drawn):
    print(token_id, float(log_probs[i, token_id]))
"""


def branch_code(held: Held, engine: lm.Engine, prompt: str) -> str:
    """The lines that write the chosen branch again, and the log probabilities of all its tokens.

    Args:
        held: the tree.
        engine: its model.
        prompt: lines of Python that make ``ids``, a list.
    """
    ground, branch = held.ground, held.branch
    parts = branch.parts if branch is not None else ()
    drawn = list(branch.token_ids) if branch is not None else []
    head = _HEAD.format(model=ground.model, quantization=ground.quantization, prompt=prompt, sampling=ground.sampling)
    if len(parts) == 1 and not parts[0].forced:
        middle = _PLAIN.format(n=parts[0].n, seed=parts[0].seed)
    else:
        middle = _PARTS.format(parts=[(list(part.forced), part.seed, part.n) for part in parts])
    return head + middle + _TAIL.format(loading=loading_code(engine.describe(), ground.ids), drawn=drawn)
