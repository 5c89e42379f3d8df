"""A class's join code, and the secrets that say who leads it and who has joined."""

from __future__ import annotations

import hashlib
import hmac
import re
import secrets

__all__ = ["CODE_LENGTH", "LETTERS", "digest", "is_secret", "matches", "new_code", "new_secret", "read_code"]

LETTERS = "BCDFGHJKMNPQRSTVWXZ"
"""No vowels, so that no code is a word; no digits and no I, L or O, so that none is read as another."""
CODE_LENGTH = 6
_SECRET = re.compile(r"[A-Za-z0-9_-]{22,64}")
_NONE = b"\0" * 32


def new_code() -> str:
    """Six letters, one of 47 million."""
    return "".join(secrets.choice(LETTERS) for _ in range(CODE_LENGTH))


def read_code(typed: str) -> str | None:
    """The code that somebody typed, in small letters or with a gap; None where it can be none.

    >>> read_code(" bcd-fgh "), read_code("hello!"), read_code("BCDFG")
    ('BCDFGH', None, None)
    """
    if len(typed) > 40:
        return None
    code = re.sub(r"[\s\-]", "", typed).upper()
    return code if len(code) == CODE_LENGTH and all(letter in LETTERS for letter in code) else None


def new_secret() -> str:
    """256 bits, for a link."""
    return secrets.token_urlsafe(32)


def is_secret(value: object) -> bool:
    """Whether this has the form of a secret; it comes from a browser."""
    return isinstance(value, str) and _SECRET.fullmatch(value) is not None


def digest(secret: str) -> bytes:
    """What is kept of a secret (SHA-256). It is long and random, so that no salt and no slow hash are needed."""
    return hashlib.sha256(secret.encode()).digest()


def matches(secret: str, kept: bytes | None) -> bool:
    """Whether the secret is the one whose digest was kept; takes as long for a wrong one as for the right one."""
    return hmac.compare_digest(digest(secret), kept if kept is not None else _NONE)
