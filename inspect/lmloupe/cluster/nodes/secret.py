"""The token of a cluster: who has it may run code there, and nobody else may ask anything."""

from __future__ import annotations

import os
import secrets
import sys
from pathlib import Path

from lmloupe.loading.embedded_model.cache import cache_folder

__all__ = ["make_token", "token_path", "use_token"]


def token_path() -> Path:
    """Where this machine keeps the token: ``RAY_AUTH_TOKEN_PATH``, else ``cluster/token`` in the cache folder."""
    chosen = os.environ.get("RAY_AUTH_TOKEN_PATH", "").strip()
    return Path(chosen).expanduser().absolute() if chosen else cache_folder() / "cluster" / "token"


def make_token() -> Path:
    """The file with the token, made where there is none, for its owner's eyes only."""
    path = token_path()
    path.parent.mkdir(parents=True, exist_ok=True)
    try:
        made = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        return path
    with os.fdopen(made, "w") as file:
        file.write(secrets.token_hex(32))
    return path


def use_token() -> None:
    """Have Ray in this process and its children show the token that this machine has.

    Nothing where ``RAY_AUTH_MODE`` says otherwise or no token is here. Ray reads the mode when it is imported,
    and a token that comes later waits for the next process.
    """
    late = "ray._raylet" in sys.modules
    if "RAY_AUTH_MODE" not in os.environ and not late and ("RAY_AUTH_TOKEN" in os.environ or token_path().is_file()):
        os.environ["RAY_AUTH_MODE"] = "token"
    if os.environ.get("RAY_AUTH_MODE") == "token" and "RAY_AUTH_TOKEN" not in os.environ:
        os.environ.setdefault("RAY_AUTH_TOKEN_PATH", str(token_path()))


def token() -> str | None:
    """The token that this process shows, None where it shows none."""
    if os.environ.get("RAY_AUTH_MODE") != "token":
        return None
    given = os.environ.get("RAY_AUTH_TOKEN", "").strip()
    if given:
        return given
    try:
        return token_path().read_text("ascii").strip() or None
    except (OSError, UnicodeDecodeError):
        return None
