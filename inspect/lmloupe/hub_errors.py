"""What went wrong at the hub or in a folder, as one sentence of ours.

transformers wraps the hub's exceptions in `OSError` with paragraphs of advice; the real one is in the chain.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from huggingface_hub import errors as hub

from lmloupe.errors import (
    GatedError,
    LoadError,
    SourceNotFoundError,
    UnreachableError,
    UnsafeWeightsError,
    UnsupportedError,
)

__all__ = ["loading"]

PICKLED = (".bin", ".pt", ".pth", ".ckpt", ".pkl")


def _chain(error: BaseException | None) -> Iterator[BaseException]:
    seen: set[int] = set()
    while error is not None and id(error) not in seen:
        seen.add(id(error))
        yield error
        error = error.__cause__ or error.__context__


def _first_line(error: BaseException) -> str:
    return str(error).strip().split("\n", 1)[0]


@contextmanager
def loading(name: str, revision: str | None, what: str) -> Iterator[None]:
    """Turn what `from_pretrained` raises inside the block into a `LoadError`.

    Args:
        name: hub id or folder, for the message.
        revision: branch, tag or commit that was asked for, else None.
        what: ``"tokenizer"`` or ``"model"``, for the message.

    Raises:
        LoadError: of the kind that fits; the original exception is its cause.
    """
    try:
        yield
    except (OSError, ValueError, ImportError, KeyError, AttributeError, hub.RevisionResolutionError) as error:
        if isinstance(error, LoadError):
            raise
        raise _translate(error, name, revision, what) from error


def _translate(error: BaseException, name: str, revision: str | None, what: str) -> LoadError:
    at = f" at revision {revision!r}" if revision else ""
    kinds = list(_chain(error))

    def has(*types: type[BaseException]) -> bool:
        return any(isinstance(e, types) for e in kinds)

    if has(hub.GatedRepoError):
        return GatedError(
            f"The hub gives {name} only to accounts that accepted its licence: accept it on its page, "
            "then set HF_TOKEN or run `hf auth login` where LM Loupe runs."
        )
    if has(hub.RevisionNotFoundError):
        return SourceNotFoundError(f"{name} has no revision {revision!r}: check the branch, tag or commit.")
    if has(hub.RepositoryNotFoundError):
        return SourceNotFoundError(
            f"The hub has no repository {name!r} that this account may see: check the spelling, "
            "or log in with HF_TOKEN if it is private."
        )
    if has(hub.HFValidationError):
        return SourceNotFoundError(f"{name!r} is no hub id (owner/name) and no embedded key: check the spelling.")
    if has(hub.OfflineModeIsEnabled, hub.LocalEntryNotFoundError, ConnectionError, TimeoutError) or any(
        type(e).__name__ in {"ConnectError", "ConnectTimeout", "ReadTimeout", "ReadError", "RemoteProtocolError"}
        for e in kinds
    ):
        return UnreachableError(
            f"The hub did not answer and {name}{at} is not in this machine's cache: check the network "
            "(HF_ENDPOINT, HF_HUB_OFFLINE), or use an embedded tokenizer or model."
        )
    if any("safetensors" in str(e) for e in kinds):
        return _without_safetensors(name, at)
    if any("trust_remote_code" in str(e) for e in kinds):
        return UnsupportedError(
            f"{name}{at} needs Python code from its repository to load, and LM Loupe never runs such code: "
            "choose a model whose architecture transformers knows."
        )
    return UnsupportedError(f"transformers found no {what} that it can load in {name}{at}: {_first_line(error)}")


def _without_safetensors(name: str, at: str) -> LoadError:
    folder = Path(name)
    if not folder.is_dir() or any(path.suffix in PICKLED for path in folder.iterdir()):
        return UnsafeWeightsError(
            f"{name}{at} has no safetensors weights, only pickled ones or none; opening a pickle can run code, "
            "so LM Loupe does not: save the model again with save_pretrained, which writes safetensors."
        )
    return SourceNotFoundError(f"There are no weights in {name}: it needs model.safetensors beside config.json.")
