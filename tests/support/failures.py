"""What holds of the message of every error that loading gives."""

from __future__ import annotations

import re
import traceback
from collections.abc import Callable

import pytest

from lmloupe import errors

TOKEN = "hf_aSecretThatNobodyMayRead0123456789"  # noqa: S105 - made up; looked for in messages


def failure(kind: type[errors.LoupeError], load: Callable[..., object], name: str, **options: object) -> str:
    """The message of the error that loading must give, after checks that hold for all of them."""
    with pytest.raises(kind) as caught:
        load(name, **options)
    assert type(caught.value) is kind
    message = str(caught.value)
    assert message.isprintable(), "a line break or a control character"
    assert 1 <= len(re.findall(r"[.!?](?= [A-Z]|$)", message)) <= 2
    assert message.endswith(".")
    assert len(message) < 400
    assert "Traceback" not in message
    assert TOKEN not in "".join(traceback.format_exception(caught.value)) + repr(caught.value)
    return message
