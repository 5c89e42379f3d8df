"""What the longer settings hold before anybody has changed them."""

from __future__ import annotations

__all__ = [
    "DEFAULT_BATCH",
    "DEFAULT_CONFIG",
    "DEFAULT_FILES",
    "DEFAULT_FIM_PREFIX",
    "DEFAULT_FIM_SUFFIX",
    "DEFAULT_MESSAGES",
    "DEFAULT_PASTED",
    "DEFAULT_PRECISIONS",
    "DEFAULT_SCHEMA",
    "DEFAULT_STRATEGIES",
    "DEFAULT_TEXT",
    "LAYER_FORMATS",
    "STRATEGIES",
]

# For the tokenizers a long word, an emoji, a number, code and two more scripts; for the model a line to go on from.
DEFAULT_TEXT = (
    "A coconut 🥥 drifted 4828 km across the sea.\n"
    "for nut in range(10): print(nut)\n"
    "Кокосовая пальма, ココナッツ\n"
    "The capital of France is"
)
# A misspelt setting, which transformers drops without a word: four bits, but not nf4.
DEFAULT_CONFIG = """import torch
from transformers import AutoModelForCausalLM, BitsAndBytesConfig

config = BitsAndBytesConfig(
    load_in_4bit=True,
    bnb_4bit_quanttype="nf4",
    bnb_4bit_compute_dtype=torch.bfloat16,
    bnb_4bit_use_double_quant=True,
)
"""
# " 🤚!" in Llama 3.1: three ids for one emoji.
DEFAULT_MESSAGES = (
    {"role": "system", "content": "You answer in one short sentence."},
    {"role": "user", "content": "What is the capital of France?"},
    {"role": "assistant", "content": "The capital of France is Paris."},
    {"role": "user", "content": "And of Japan?"},
)
# What learners meet most since transformers 5, shortened to what matters.
DEFAULT_PASTED = """Traceback (most recent call last):
  File "/content/chat.py", line 7, in <module>
    outputs = model.generate(inputs, max_new_tokens=50)
  File "/usr/local/lib/python3.12/dist-packages/transformers/generation/utils.py", line 2762, in generate
    batch_size = inputs_tensor.shape[0]
  File "/usr/local/lib/python3.12/dist-packages/transformers/tokenization_utils_base.py", line 292, in __getattr__
    return self.data[item]
KeyError: 'shape'
"""
DEFAULT_BATCH = ("Once upon a", "The capital of France is")
DEFAULT_FIM_PREFIX = 'def average(numbers):\n    """The mean of a list."""\n'
DEFAULT_FIM_SUFFIX = "\n    return total / len(numbers)\n"
DEFAULT_FILES = (
    {"path": "trees.py", "text": "class Tree:\n    def __init__(self, height):\n        self.height = height\n"},
    {"path": "main.py", "text": "from trees import Tree\n\npalm = Tree("},
)
DEFAULT_SCHEMA = """{
  "type": "object",
  "properties": {
    "name": {"type": "string", "maxLength": 40},
    "born": {"type": "integer"},
    "city": {"type": "string", "maxLength": 40}
  },
  "required": ["name", "born", "city"],
  "additionalProperties": false
}"""
DEFAULT_PRECISIONS = ("bfloat16", "int8", "fp4", "nf4", "nf4+double")

STRATEGIES = ("greedy", "sampling", "beam", "contrastive", "prompt_lookup", "early_layer")
DEFAULT_STRATEGIES = ("greedy", "sampling", "beam", "contrastive")
LAYER_FORMATS = (
    "nf4", "nf4+double", "fp4", "fp4+double", "int8", "q4_0", "q8_0", "mxfp4", "nvfp4", "int4_g128", "bfloat16",
)  # fmt: skip
"""What Layer by layer rounds to, as `lmloupe.Precision.spec`."""
