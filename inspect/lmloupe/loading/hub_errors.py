"""What went wrong at the hub, in a folder or in transformers, as one sentence of ours.

transformers wraps the hub's exceptions in `OSError` with paragraphs of advice; the real one is in the chain.
"""

from __future__ import annotations

import difflib
import errno
import json
import re
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.metadata import version
from importlib.util import find_spec

from huggingface_hub import errors as hub
from huggingface_hub.utils import httpx  # type: ignore[attr-defined]
from safetensors import SafetensorError

from lmloupe.errors import GatedError, LoadError, LoupeError, SourceNotFoundError, UnreachableError, UnsupportedError
from lmloupe.names import EMBEDDED_MODEL, shown
from lmloupe.tokens.embedded import embedded_tokenizers

__all__ = ["loading", "reading", "suggestion"]


# Packages whose modules have other names.
_MODULES = {"protobuf": "google"}


@contextmanager
def loading(name: str, revision: str | None, what: str) -> Iterator[None]:
    """Turn what transformers or the hub's client raises inside the block into a `LoadError`.

    The block holds that one call and nothing of ours: a bug of ours would be told as a damaged file.

    Args:
        name: hub id or folder, for the message.
        revision: branch, tag or commit that was asked for, else None.
        what: ``"tokenizer"`` or ``"model"``, for the message.

    Raises:
        LoadError: of the kind that fits; the original exception is its cause.
    """
    try:
        yield
    except LoupeError:
        raise
    except Exception as error:  # a model's own class in transformers may raise anything for settings it does not expect
        raise _translate(error, name, revision, what) from error


@contextmanager
def reading(name: str) -> Iterator[None]:
    """Turn what the system says inside the block, which looks into a folder, into a `LoadError`."""
    try:
        yield
    except OSError as error:
        raise _disk([error], name) or LoadError(
            f"A file of {shown(name)} cannot be read ({error.strerror or _brief(error)}): save or download it again."
        ) from error


def suggestion(name: str) -> str:
    """A half sentence that names the embedded key which was perhaps meant, or nothing.

    >>> suggestion("llama3.1"), suggestion("Qwen/Qwen2.5-0.5B")
    (' (did you mean the embedded llama-3.1?)', '')
    """
    keys = {_plain(key): key for key in (*embedded_tokenizers(), EMBEDDED_MODEL)}
    near = difflib.get_close_matches(_plain(name), keys, n=1, cutoff=0.75)
    return f" (did you mean the embedded {keys[near[0]]}?)" if near else ""


def _plain(name: str) -> str:
    return re.sub(r"[^a-z0-9]", "", name.lower())


def _chain(error: BaseException | None) -> Iterator[BaseException]:
    seen: set[int] = set()
    while error is not None and id(error) not in seen:
        seen.add(id(error))
        yield error
        error = error.__cause__ or error.__context__


def _brief(error: BaseException) -> str:
    """A message on one line, without its final stop, at most 160 characters."""
    printable = "".join(c if c.isprintable() else " " for c in str(error))
    line = " ".join(printable.split()).rstrip(".:!") or type(error).__name__
    return line if len(line) <= 160 else line[:157] + "..."


def _translate(error: BaseException, name: str, revision: str | None, what: str) -> LoadError:
    chain = list(_chain(error))
    return _hub_refused(chain, name, revision) or _disk(chain, name) or _unusable(chain, name, what)


def _find(chain: list[BaseException], *types: type[BaseException]) -> BaseException | None:
    return next((e for e in chain if isinstance(e, types)), None)


def _hub_refused(chain: list[BaseException], name: str, revision: str | None) -> LoadError | None:
    who = shown(name)
    if _find(chain, hub.GatedRepoError):
        return GatedError(
            f"The hub gives {who} only to accounts that accepted its licence: accept it on its page, "
            "then set HF_TOKEN or run `hf auth login` where LM Loupe runs."
        )
    if _find(chain, hub.LocalTokenNotFoundError):
        return GatedError("No hub token is stored on this machine: set HF_TOKEN or run `hf auth login` first.")
    if _find(chain, hub.RevisionNotFoundError):
        return SourceNotFoundError(
            f"{who} has no revision {shown(revision or 'main')}: check the branch, tag or commit on its page."
        )
    if _find(chain, hub.RepositoryNotFoundError):
        return SourceNotFoundError(
            f"The hub has no repository {who} that this account may see{suggestion(name)}: check the spelling, "
            "or log in with HF_TOKEN if it is private."
        )
    if _find(chain, hub.HFValidationError):
        return SourceNotFoundError(
            f"{who} is not a hub id, folder or embedded key{suggestion(name)}: a hub id looks like owner/name, "
            f"and the embedded keys are {', '.join(embedded_tokenizers())}."
        )
    refused = _find(chain, hub.HfHubHTTPError)
    if isinstance(refused, hub.HfHubHTTPError) and refused.response.status_code in (401, 403):
        return GatedError(
            f"The hub refused access to {who} (status {refused.response.status_code}): check the spelling, "
            "and renew or remove the token in HF_TOKEN where one is set."
        )
    if isinstance(refused, hub.HfHubHTTPError) and refused.response.status_code == 429:
        return UnreachableError(
            f"The hub lets this machine ask no more for now (status 429), and {who} is not complete in its cache: "
            "wait some minutes, or log in with HF_TOKEN."
        )
    if _find(chain, hub.OfflineModeIsEnabled):
        return UnreachableError(
            f"HF_HUB_OFFLINE is set and {who} is not complete in this machine's cache{suggestion(name)}: "
            "unset it to download, or use an embedded tokenizer or model."
        )
    if _find(chain, hub.HfHubHTTPError, httpx.TransportError, httpx.InvalidURL, hub.RevisionResolutionError) or _find(
        chain, hub.EntryNotFoundError, ConnectionError, TimeoutError, hub.XetDownloadError
    ):
        status = f" (status {refused.response.status_code})" if isinstance(refused, hub.HfHubHTTPError) else ""
        return UnreachableError(
            f"The hub did not give {who}{status}{suggestion(name)}, and it is not complete in this machine's cache: "
            "check the network and HF_ENDPOINT, or use an embedded tokenizer or model."
        )
    return None


def _disk(chain: list[BaseException], name: str) -> LoadError | None:
    refused = _find(chain, OSError)
    if isinstance(refused, OSError) and refused.errno in (errno.ENOSPC, errno.EDQUOT, errno.EROFS):
        return LoadError(
            f"There is no room or no right to write {shown(name)} into the hub's cache ({refused.strerror}): "
            "make room, or set HF_HOME to another folder."
        )
    if isinstance(refused, PermissionError):
        return LoadError(f"A file of {shown(name)} may not be read or written here: check the rights of its folder.")
    return None


def _lacking(words: str) -> list[str]:
    """Packages that transformers says it lacks, and that are not installed."""
    # An address to install from, as transformers names its own, is not a package's name.
    named = re.findall(r"pip install (?:-\S+ )*[\"']?(?!\S*://)([a-zA-Z][\w.-]*\w)", words)
    named += re.findall(r"requires the ([\w-]+) library but it was not found", words)
    if "tiktoken" in named:  # also said of a SentencePiece file, which it tries as the other kind
        named.insert(0, "sentencepiece")
    lacking = (name.lower() for name in dict.fromkeys(named))
    return [name for name in lacking if find_spec(_MODULES.get(name, name.replace("-", "_"))) is None]


def _unusable(chain: list[BaseException], name: str, what: str) -> LoadError:
    who, words = shown(name), " ".join(str(e) for e in chain)
    broken = _find(chain, SafetensorError, json.JSONDecodeError, UnicodeDecodeError)
    if type(chain[0]) is Exception:  # the tokenizers library raises nothing narrower for a file that it cannot read
        return UnsupportedError(
            f"The tokenizer.json of {who} cannot be read ({_brief(chain[0])}): save or download it again."
        )
    if isinstance(broken, SafetensorError):
        return UnsupportedError(
            f"The safetensors weights of {who} are damaged ({_brief(broken)}): save or download them again."
        )
    if "trust_remote_code" in words or "contains custom code" in words:
        return UnsupportedError(
            f"{who} needs Python code from its repository, and LM Loupe never runs such code: "
            "choose a model whose architecture transformers knows."
        )
    if lacking := _lacking(words):
        return UnsupportedError(
            f"transformers needs {' and '.join(lacking)} to read a {what} of this kind ({who}), and here it is not "
            f"installed: run `pip install {' '.join(lacking)}` where LM Loupe runs."
        )
    if "ignore_mismatched_sizes" in words:
        return UnsupportedError(
            f"The tensors of {who} have other shapes than its config.json asks for: "
            "take config and weights from the same model."
        )
    if broken is not None or "valid JSON" in words:
        return UnsupportedError(
            f"A file of {who} is not valid JSON ({_brief(broken or chain[0])}): save or download it again."
        )
    if "does not recognize this architecture" in words:
        return UnsupportedError(
            f"transformers {version('transformers')} does not know the architecture of {who}: "
            "choose another model, or update transformers."
        )
    return UnsupportedError(
        f"transformers cannot load a {what} from {who} ({type(chain[0]).__name__}: {_brief(chain[0])}): "
        "its files are damaged or of a kind that it does not know, so save or download them again."
    )
