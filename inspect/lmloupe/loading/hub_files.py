"""What a hub repository holds, and its files in the hub's own cache, asked for once and within bounds.

transformers would find the files itself, but waits without limit for a hub that accepts a connection and then says
nothing, and for a repository with pickled weights only it sends the id and the token on to a conversion service. So the
files are brought here into the usual cache (``HF_HOME``), and transformers then reads the cache and no network.
"""

from __future__ import annotations

import fnmatch
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from huggingface_hub import HfApi, ModelInfo, get_token, hf_hub_download, snapshot_download, try_to_load_from_cache
from huggingface_hub.errors import HfHubHTTPError, LocalEntryNotFoundError, OfflineModeIsEnabled
from huggingface_hub.utils import httpx  # type: ignore[attr-defined]  # the client that it uses, whichever that is
from huggingface_hub.utils.tqdm import tqdm as hub_tqdm

from lmloupe.errors import (
    InvalidSettingError,
    SourceNotFoundError,
    UnreachableError,
    UnsafeWeightsError,
    UnsupportedError,
)
from lmloupe.loading.hub_errors import loading, reading
from lmloupe.names import shown

__all__ = ["HubRepo", "open_repo", "shard_names", "weight_files"]

_ANSWER_S = 5.0
"""Longest wait for the first answer; then the cache is asked."""

_CONFIG = ("config.json", "generation_config.json")
_TOKENIZER = (
    "tokenizer*.json", "special_tokens_map.json", "added_tokens.json", "vocab*", "merges.txt", "tekken.json",
    "*.model", "*.tiktoken", "chat_template*", "additional_chat_templates/*.jinja",
)  # fmt: skip
_WHOLE, _INDEX = "model.safetensors", "model.safetensors.index.json"
_PICKLED = (".bin", ".pt", ".pth", ".ckpt", ".pkl")


class _NoBar(hub_tqdm):
    """The library prints nothing, and a switch for all bars would be everybody's."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs | {"disable": True})  # type: ignore[no-untyped-call]


@dataclass(frozen=True, slots=True)
class HubRepo:
    """One commit of a repository; made by `open_repo`.

    Attributes:
        name: hub id.
        revision: as asked for, ``"main"`` by default.
        commit: the commit that it stands for.
        files: paths in the repository; of an unreachable one, those in the cache.
        online: False where the hub did not answer, so that only the cache counts.
        sizes: bytes of the files, where they were asked for.
    """

    name: str
    revision: str
    commit: str
    files: frozenset[str] = field(repr=False)
    online: bool
    _token: str | bool | None = field(repr=False)
    sizes: Mapping[str, int] = field(default_factory=dict, repr=False)

    def fetch_tokenizer(self) -> Path:
        """Bring config and tokenizer files into the cache; returns the folder of this commit."""
        top = [f for f in self.files if "/" not in f or f.startswith("additional_chat_templates/")]
        wanted = {f for f in top for pattern in _TOKENIZER if fnmatch.fnmatchcase(f, pattern)}
        if not wanted and not self.online:
            with loading(self.name, self.revision, "tokenizer"):
                raise LocalEntryNotFoundError("no tokenizer in the cache")
        return self._fetch(wanted | self.files.intersection(_CONFIG))

    def fetch_config(self) -> Path:
        """Bring the model's config into the cache; returns the folder of this commit."""
        return self._fetch(self.files.intersection(_CONFIG))

    def fetch_weights(self) -> Path:
        """Bring the safetensors weights into the cache; returns the folder of this commit.

        Raises:
            UnsafeWeightsError: pickled weights only.
            SourceNotFoundError: no weights.
        """
        return self._fetch(self.weight_names())

    def weight_names(self) -> set[str]:
        """The safetensors files that make up the model; brings the index into the cache where there are several.

        Raises:
            UnsafeWeightsError: pickled weights only.
            SourceNotFoundError: no weights.
        """
        if self.online:
            weight_files(self.name, self.files)
        if _WHOLE in self.files or (not self.online and _INDEX not in self.files):
            return {_WHOLE}
        shards = shard_names(self._fetch([_INDEX]))
        if self.online and not shards <= self.files:
            raise UnsupportedError(
                f"{self.name} lacks {min(shards - self.files)}, which its {_INDEX} names: choose another revision."
            )
        return shards

    def not_cached(self, names: Iterable[str]) -> list[str]:
        """Those of the files that are not in the cache yet."""
        return [n for n in names if not isinstance(try_to_load_from_cache(self.name, n, revision=self.commit), str)]

    def _fetch(self, files: Iterable[str]) -> Path:
        folder: Path | None = None
        for file in sorted(files):
            options: dict[str, Any] = {
                "token": self._token,
                "local_files_only": not self.online,
                "etag_timeout": _ANSWER_S,
                "tqdm_class": _NoBar,
            }
            if self.online and folder is None and self.revision != self.commit:
                known = try_to_load_from_cache(self.name, file, revision=self.revision)
                if not isinstance(known, str) or self.commit not in Path(known).parts:
                    # By its name once, so that the cache learns which commit the name stands for and answers offline.
                    with loading(self.name, self.revision, "file"):
                        hf_hub_download(self.name, file, revision=self.revision, **options)
            with loading(self.name, self.revision, "file"):
                path = Path(hf_hub_download(self.name, file, revision=self.commit, **options))
            folder = path.parents[file.count("/")]
        if folder is None:
            raise SourceNotFoundError(
                f"The hub repository {self.name} has neither a config.json nor tokenizer files: "
                "choose a repository of a transformers model."
            )
        return folder


def shard_names(folder: Path) -> set[str]:
    """The weight files of a folder that `save_pretrained` wrote, or of a commit in the cache."""
    if not (folder / _INDEX).is_file():
        return {_WHOLE}
    with reading(str(folder)):
        data = (folder / _INDEX).read_bytes()
    try:
        index = json.loads(data)
    except (ValueError, RecursionError) as error:
        raise UnsupportedError(f"{_INDEX} in {shown(str(folder))} is not valid JSON: download it again.") from error
    shards = index.get("weight_map") if isinstance(index, dict) else None
    if not isinstance(shards, dict) or not all(isinstance(shard, str) for shard in shards.values()):
        raise UnsupportedError(f"{_INDEX} in {shown(str(folder))} names no files of weights: download it again.")
    return set(shards.values())


def open_repo(name: str, revision: str | None, token: str | bool | None, *, with_sizes: bool = False) -> HubRepo:
    """Ask the hub what is in a repository; where it does not answer, look into the cache.

    Args:
        name: hub id.
        revision: branch, tag or commit; None for the default branch.
        token: hub token; None takes the environment's or the hub login's.
        with_sizes: ask for the size of every file too.

    Raises:
        InvalidSettingError: a token that no HTTP header could carry.
        LoadError: of the kind that fits.
    """
    _check_token(token)
    with loading(name, revision, "repository"):
        info = _ask(name, revision, token, with_sizes=with_sizes)
    if isinstance(info, Path):
        with reading(name):
            sizes = {p.relative_to(info).as_posix(): p.stat().st_size for p in info.rglob("*") if p.is_file()}
        return HubRepo(name, revision or "main", info.name, frozenset(sizes), False, None, sizes)
    if info.sha is None:
        raise UnreachableError(f"The hub named no commit for {shown(name)}: check HF_ENDPOINT.")
    sizes = {sibling.rfilename: sibling.size or 0 for sibling in info.siblings or ()}
    return HubRepo(name, revision or "main", info.sha, frozenset(sizes), True, token, sizes)


def _ask(name: str, revision: str | None, token: str | bool | None, *, with_sizes: bool) -> ModelInfo | Path:
    """What the hub says, or the folder of the commit in the cache where it does not answer."""
    try:
        # Not `resolve_revision`, which waits without limit.
        return HfApi(token=token).model_info(name, revision=revision, timeout=_ANSWER_S, files_metadata=with_sizes)
    except (httpx.TransportError, OfflineModeIsEnabled) as error:
        return _cached(name, revision, error)
    except HfHubHTTPError as error:
        if error.response.status_code < 500 and error.response.status_code != 429:
            raise
        return _cached(name, revision, error)
    except (json.JSONDecodeError, TypeError, KeyError) as error:
        raise UnreachableError(
            f"What answered for {shown(name)} is not a hub: check HF_ENDPOINT, a proxy or a login page of the network."
        ) from error


def _cached(name: str, revision: str | None, error: Exception) -> Path:
    try:
        return Path(snapshot_download(name, revision=revision, local_files_only=True, allow_patterns=["config.json"]))
    except LocalEntryNotFoundError:
        raise error  # noqa: B904 - that the hub is away is the news; that the cache is empty is in its context


def _check_token(token: str | bool | None) -> None:
    # httpx would quote the whole header in its error.
    text = token if isinstance(token, str) else None if token is False else get_token()
    if text is not None and not (text.isascii() and text.isprintable() and " " not in text):
        raise InvalidSettingError(
            "The hub token has characters that no token has (a space, a line break or a letter beyond ASCII): "
            "copy it again from the hub's settings."
        )


def weight_files(name: str, files: Iterable[str]) -> None:
    """Check by their names alone that there are safetensors weights; nothing is opened.

    Raises:
        UnsafeWeightsError: pickled weights only.
        SourceNotFoundError: no weights, or of another kind.
    """
    found = set(files)
    if not found.isdisjoint((_WHOLE, _INDEX)):
        return
    pickled = sorted(f for f in found if f.endswith(_PICKLED) and f != "training_args.bin")
    if pickled:
        raise UnsafeWeightsError(
            f"{name} has pickled weights only ({pickled[0]}), and opening a pickle can run code, so LM Loupe does not: "
            "choose a repository with model.safetensors, or save the model again with save_pretrained."
        )
    others = sorted(f for f in found if f.endswith((".gguf", ".safetensors", ".h5", ".msgpack", ".onnx")))
    kind = f"only {others[0]}" if others else "no weights"
    raise SourceNotFoundError(f"{name} has {kind}: LM Loupe needs model.safetensors beside config.json.")
