"""LM Loupe: see what a language model really does to text, with the model's own numbers.

Names load at first use, so that ``import lmloupe`` costs milliseconds and loads neither torch nor
transformers; only the functions that run a model do.

>>> import lmloupe as lm
>>> tok = lm.load_tokenizer("llama-3.1")
>>> lm.encode(tok, "Hello!").input_ids.tolist()
[9906, 0]
"""

import lazy_loader

# The names are listed once, in __init__.pyi, which type checkers read too.
__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)

__version__ = "0.1.0"
