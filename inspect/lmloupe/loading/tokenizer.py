"""Load a tokenizer by its name: an embedded key, a folder or a hub id."""

from __future__ import annotations

import os

from lmloupe.names import local_folder
from lmloupe.tokens.embedded import embedded_tokenizers, load_embedded
from lmloupe.tokens.tokenizer import Tokenizer

__all__ = ["load_tokenizer"]


def load_tokenizer(
    name: str | os.PathLike[str], *, revision: str | None = None, token: str | bool | None = None
) -> Tokenizer:
    """Load a tokenizer by embedded key, by folder, or by hub id, in this order.

    The embedded ones load without network, transformers and torch, once per process. Folders and hub
    ids go through ``transformers.AutoTokenizer`` with ``trust_remote_code=False``, in a process of their own:
    what they hold need not be trusted. The first one starts that process, which takes some seconds.

    Args:
        name: a key of `embedded_tokenizers`, a folder with tokenizer files, or a hub id such as
            ``Qwen/Qwen2.5-0.5B``.
        revision: branch, tag or commit; hub ids only.
        token: hub token; None takes the environment's or the hub login's. Not kept.

    Raises:
        SourceNotFoundError: no such folder, hub id or revision.
        GatedError: the hub asks for an accepted licence or a login.
        UnreachableError: the hub did not answer.
        UnsupportedError: no fast tokenizer in it.
        LoadTimeoutError: the files could not be read in time.

    >>> tok = load_tokenizer("qwen2")
    >>> tok.vocab_size, tok.bos_token, tok.eos_token, tok.special_tokens["<|im_start|>"]
    (151646, None, '<|im_end|>', 151644)
    """
    key = os.fspath(name).strip()
    if key in embedded_tokenizers():
        return load_embedded(key)
    folder = local_folder(key)
    # The hub's client and safetensors are of the optional packages; embedded tokenizers load without them.
    from lmloupe.loading.hub_tokenizer import load_transformers_tokenizer

    if folder is not None:
        return load_transformers_tokenizer(str(folder), source="folder", revision=None, token=None)
    return load_transformers_tokenizer(key, source="hub", revision=revision, token=token)
