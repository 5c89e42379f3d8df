"""What makes a loaded model itself, so that two of one name and other weights have each their own answers."""

from __future__ import annotations

import json
import threading
from pathlib import Path
from typing import TYPE_CHECKING, Any
from weakref import WeakKeyDictionary

from lmloupe.errors import NotAvailableError
from lmloupe.kept.names import question_name
from lmloupe.loading.embedded_model.folder import embedded_model_folder
from lmloupe.loading.stamps import Stamp, digest, stamp

if TYPE_CHECKING:
    from lmloupe.model.engine import Engine
    from lmloupe.model.local import Files

__all__ = ["PATIENCE_S", "Digests", "model_identity"]

PATIENCE_S = 2.0
"""How long the first question waits for the hash of a folder: 2 GB of weights. Larger ones are hashed meanwhile."""


class Digests:
    """Hashes of the folders of loaded models, each read once: in a thread, for a large one takes a minute."""

    def __init__(self) -> None:
        self._found: dict[tuple[str, Stamp], str | None] = {}
        self._running: dict[tuple[str, Stamp], threading.Thread] = {}
        self._lock = threading.Lock()

    def of(self, folder: str, files: Stamp, patience_s: float = PATIENCE_S) -> str | None:
        """The hash of a folder's content; None while it is not known, or where the folder is another one by now.

        Args:
            folder: where the files are.
            files: their stamp when the model was read.
            patience_s: how long whoever asks first waits for it; nobody else waits.
        """
        if not files or stamp(folder) != files:
            return None
        key = folder, files
        with self._lock:
            if key in self._found:
                return self._found[key]
            begun = key in self._running
            if not begun:
                made = threading.Thread(target=self._read, args=key, name="lmloupe-digest", daemon=True)
                self._running[key] = made
                made.start()
        if not begun:
            made.join(patience_s)
        with self._lock:
            return self._found.get(key)

    def _read(self, folder: str, files: Stamp) -> None:
        found = digest(folder, files)
        with self._lock:
            self._found[folder, files] = found
            del self._running[folder, files]


_digests = Digests()
_made: WeakKeyDictionary[Any, str] = WeakKeyDictionary()


def model_identity(engine: Engine, digests: Digests = _digests) -> str | None:
    """A hash of what a model is: its name, its weights and files, its precision, its device.

    Args:
        engine: a model in this process.
        digests: hashes of folders.

    Returns:
        64 hexadecimal digits; None where nobody can tell: a model on a cluster, one that was made in memory, a folder
        that has been written to since, or one whose hash is being computed.
    """
    try:
        files: Files | None = getattr(engine, "files", None)
    except NotAvailableError:  # not swallowed: a model on a cluster has no files here, and its replicas keep answers
        return None
    if files is None:
        return None
    weights = _weights(files, digests)
    if weights is None:
        return None
    if engine not in _made:
        described = engine.describe()
        _made[engine] = question_name(
            described.name, weights, described.quantization, described.compute_dtype, described.architecture,
            described.bytes, described.n_quantized, described.device, _card(described.device),
        )  # fmt: skip
    return _made[engine]


def _weights(files: Files, digests: Digests) -> str | None:
    commit = files.options.get("revision")
    if commit is not None:
        return f"{files.path}@{commit}"
    embedded = embedded_model_folder()
    if embedded is not None and Path(files.path) == embedded and stamp(embedded) == files.stamp:
        # Made by this program from a file whose hash it has checked: what it is made of stands in its mark.
        mark = json.loads((embedded / "lmloupe.json").read_bytes())
        return question_name("embedded", mark)
    return digests.of(files.path, files.stamp)


def _card(device: str) -> str:
    """The kind of the card, for two round differently."""
    if device != "cuda":
        return ""
    import torch

    return str(torch.cuda.get_device_name())
