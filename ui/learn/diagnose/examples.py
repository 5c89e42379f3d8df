"""Texts to try, each as people paste them; tests diagnose every one."""

from __future__ import annotations

from ui.state.settings.defaults import DEFAULT_CONFIG, DEFAULT_PASTED

__all__ = ["EXAMPLES"]

_DOUBLED = """<|begin_of_text|><|begin_of_text|><|start_header_id|>user<|end_header_id|>

What is the capital of France?<|eot_id|><|start_header_id|>assistant<|end_header_id|>

"""
_NO_REQUEST = """<|im_start|>system
You answer in one short sentence.<|im_end|>
<|im_start|>user
What is the capital of France?<|im_end|>
"""
_PADDING = (
    "A decoder-only architecture is being used, but right-padding was detected! For correct generation results, please "
    "set `padding_side='left'` when initializing the tokenizer.\n"
)
_MEMORY = """model = AutoModelForCausalLM.from_pretrained("meta-llama/Llama-3.1-8B-Instruct", device_map="cuda")
torch.OutOfMemoryError: CUDA out of memory. Tried to allocate 112.00 MiB. GPU 0 has a total capacity of 14.74 GiB of \
which 90.12 MiB is free. Including non-PyTorch memory, this process has 14.65 GiB memory in use.
"""
_TEMPLATE = """{% for message in messages %}{% if message.role != 'system' %}<|im_start|>{{ message.role }}
{{ message.content }}<|im_end|>
{% endif %}{% endfor %}"""
_SCRIPT = """from transformers import AutoModelForCausalLM, AutoTokenizer, TextStreamer

tokenizer = AutoTokenizer.from_pretrained("HuggingFaceTB/SmolLM2-135M-Instruct")
model = AutoModelForCausalLM.from_pretrained("HuggingFaceTB/SmolLM2-135M-Instruct")
messages = [{"role": "user", "content": "Hi"}]
inputs = tokenizer.apply_chat_template(messages, return_tensors="pt")
model.generate(inputs, max_new_tokens=50, streamer=TextStreamer(tokenizer))
"""
EXAMPLES = {
    "KeyError: 'shape'": DEFAULT_PASTED,
    "Doubled bos": _DOUBLED,
    "No request for a reply": _NO_REQUEST,
    "Padding": _PADDING,
    "Out of memory": _MEMORY,
    "A config": DEFAULT_CONFIG,
    "A template": _TEMPLATE,
    "A script": _SCRIPT,
}
"""By the name of their button. The first is what the page begins with."""
