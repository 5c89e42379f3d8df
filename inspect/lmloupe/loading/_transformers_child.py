"""The other process: lets transformers make a tokenizer of a folder, which may hold anything.

`lmloupe.loading.transformers_reader` runs it as ``python -m lmloupe.loading._transformers_child`` and kills it when
it does not answer in time: the library normalizes added tokens while it loads, with the file's own patterns. It has
no token of the hub and asks no network. Readers of some kinds of files (SentencePiece, tiktoken) want a temporary
folder: the parent gives it one of its own.
"""

from __future__ import annotations

import os
import shutil
import sys
from pathlib import Path
from typing import Any

from lmloupe.processes.frames import Answer, serve
from lmloupe.processes.limits import Limits, limit_this_process

LIMITS = Limits(memory_bytes=6 << 30, temporary_bytes=256 << 20)


def load(request: dict[str, Any], _: bytes) -> Answer:
    """The tokenizer as a tokenizer.json, with the settings that lie beside it in the folder."""
    from transformers import AutoTokenizer

    try:
        loaded: Any = AutoTokenizer.from_pretrained(
            request["path"],
            revision=request["revision"],
            cache_dir=request["cache"],
            token=False,
            local_files_only=True,
            trust_remote_code=False,
        )
    except Exception as error:  # sent on as it is: the parent tells the kinds apart
        return {"raised": list(_chain(error))}, b""
    backend = getattr(loaded, "backend_tokenizer", None)
    if backend is None:
        return {"python": type(loaded).__name__}, b""
    header = {
        "bos_token": loaded.bos_token,
        "eos_token": loaded.eos_token,
        "named_tokens": loaded.special_tokens_map,
        "chat_template": loaded.chat_template,
    }
    return header, backend.to_str().encode()


def _chain(error: BaseException | None) -> Any:
    """Names of the types, message and errno of an exception and of those behind it."""
    seen: set[int] = set()
    while error is not None and id(error) not in seen:
        seen.add(id(error))
        yield [[kind.__name__ for kind in type(error).__mro__], str(error)[:2000], getattr(error, "errno", None)]
        error = error.__cause__ or error.__context__


def main(folder: Path) -> None:
    """Answer requests until the parent is gone.

    Args:
        folder: where temporary files go; removed at the end, also by the parent, whichever lives longer.
    """
    limit_this_process(LIMITS, folder)
    # tiktoken would answer from a copy by the file's path, also when the file has changed meanwhile.
    os.environ["TIKTOKEN_CACHE_DIR"] = ""
    # transformers looks for torch, which no tokenizer needs: without it the process starts twice as fast.
    sys.modules["torch"] = None  # type: ignore[assignment]
    os.environ["TRANSFORMERS_VERBOSITY"] = "critical"
    try:
        serve(load)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
