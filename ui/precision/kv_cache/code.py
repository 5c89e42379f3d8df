"""The Python that gives the numbers of KV cache."""

from __future__ import annotations

__all__ = ["CODE", "REUSE"]

CODE = """
import lmloupe as lm

engine = lm.load_engine({model!r}, quantization={quantization!r})
cache = engine.kv_cache({text})
print("bytes", int(cache.total_bytes[-1]), "by the formula", int(cache.formula_bytes[-1]))
print("with a head of keys and values for each query head", cache.full_heads_bytes)
read = engine.keys_and_values({text}, layer={layer})
print("key", read.keys[{head}, -1, :4].tolist(), "value", read.values[{head}, -1, :4].tolist())
for step in engine.with_and_without_cache({text}, {n_tokens}):
    print(step.token_id, step.other_id, step.n_read, step.n_other_read)
{reuse}
# The same with transformers alone
{loading}
from transformers import DynamicCache

ids = torch.tensor([ids], device=model.device)
with torch.inference_mode():
    kept = model(input_ids=ids, past_key_values=DynamicCache(config=model.config), use_cache=True).past_key_values
    print("bytes", sum(layer.keys.nbytes + layer.values.nbytes for layer in kept.layers))
    layer = kept.layers[{layer}]
    print("key", layer.keys[0, {head}, -1, :4].tolist(), "value", layer.values[0, {head}, -1, :4].tolist())
    options = dict(max_new_tokens={n_tokens}, do_sample=False, attention_mask=torch.ones_like(ids))
    for use_cache in (True, False):
        print(model.generate(ids, use_cache=use_cache, **options)[0, ids.shape[1]:].tolist())
"""

REUSE = """
reused = engine.reuse_cache({cached!r}, {following!r})
print("kept", reused.n_kept, "read", reused.n_read, "apart", reused.difference < 1e-2)
"""
