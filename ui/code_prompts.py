"""The two prompts that StarCoder2 was trained on besides running code, and where a person's text would break them.

Formats: "StarCoder 2 and The Stack v2" (Lozhkov et al., 2024), and "Efficient Training of Language Models to Fill in
the Middle" (Bavarian et al., 2022) for the order prefix, suffix, middle.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import streamlit as st

import lmloupe as lm
from ui.errors import escape_markdown

__all__ = ["fim_text", "repository_text", "warn_of_special"]


def fim_text(prefix: str, suffix: str) -> str:
    """The prompt after which the model writes what belongs between prefix and suffix.

    >>> fim_text("a = ", "+ 1")
    '<fim_prefix>a = <fim_suffix>+ 1<fim_middle>'
    """
    return f"<fim_prefix>{prefix}<fim_suffix>{suffix}<fim_middle>"


def repository_text(name: str, files: Sequence[Mapping[str, str]]) -> str:
    r"""The files of a repository, each with its path on a line of its own; the model goes on with the last one.

    >>> repository_text("me/it", [{"path": "a.py", "text": "x = 1\n"}])
    '<repo_name>me/it<file_sep>a.py\nx = 1\n'
    """
    return f"<repo_name>{name}" + "".join(f"<file_sep>{file['path']}\n{file['text']}" for file in files)


def warn_of_special(tok: lm.Tokenizer, texts: Mapping[str, str]) -> None:
    """One yellow box for each text that itself spells a special token; the key says which text."""
    for what, text in texts.items():
        spelled = dict.fromkeys(token.content for token in lm.special_in_text(tok, text))
        if spelled:
            st.warning(
                f"{escape_markdown(what)} spells {escape_markdown(', '.join(spelled))}: the model reads a control "
                "token there and takes the text for something else.",
                icon=":material/warning:",
            )
