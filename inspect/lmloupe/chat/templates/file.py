"""Read a chat template of one's own: from a tokenizer_config.json, a chat_template.jinja, or the folder of both."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import Any

from lmloupe.errors import LoadError, NoChatTemplateError, SourceNotFoundError, UnsupportedError
from lmloupe.names import shown

__all__ = ["MAX_TEMPLATE_BYTES", "ChatTemplates", "load_chat_templates", "read_chat_templates"]

MAX_TEMPLATE_BYTES = 10 << 20
"""Largest file taken, in bytes: a tokenizer_config.json lists every added token."""

MAX_TEMPLATE_CHARACTERS = 500_000
"""Longest template taken; the longest published ones have some ten thousand."""

_CONFIG, _JINJA, _MAP = "tokenizer_config.json", "chat_template.jinja", "special_tokens_map.json"
_OLD_CONFIG, _MORE = "chat_template.json", "additional_chat_templates"
_NAMED = ("bos_token", "eos_token", "unk_token", "sep_token", "pad_token", "cls_token", "mask_token")
_WHAT_TO_GIVE = "give a tokenizer_config.json with a chat_template, or a chat_template.jinja"


@dataclass(frozen=True, slots=True)
class ChatTemplates:
    """Chat templates that came in files, with the special tokens that belong to them.

    Attributes:
        name: file or folder, for messages.
        templates: name to Jinja source. One without a name is called ``"default"``.
        special_tokens: what the templates read as ``bos_token``, ``pad_token`` and so on; None where no file names
            special tokens, so that those of the tokenizer are used.
    """

    name: str
    templates: Mapping[str, str] = field(repr=False)
    special_tokens: Mapping[str, str] | None = None

    def choose(self, tools: Sequence[Any] | None) -> str:
        """The template that transformers takes: ``tool_use`` where there are tools, else ``default``.

        Raises:
            NoChatTemplateError: there is neither; the message says which there are.

        >>> own = ChatTemplates("mine", {"default": "D", "tool_use": "T"})
        >>> own.choose(None), own.choose([{"type": "function"}])
        ('D', 'T')
        """
        wanted = "tool_use" if tools is not None and "tool_use" in self.templates else "default"
        if wanted not in self.templates:
            names = ", ".join(map(shown, self.templates))
            raise NoChatTemplateError(
                f"{shown(self.name)} has no default chat template, but these: {names}. Choose one by its name."
            )
        return self.templates[wanted]

    def only(self, name: str) -> ChatTemplates:
        """The template of that name alone, used with tools and without.

        Raises:
            NoChatTemplateError: there is none of that name.

        >>> ChatTemplates("mine", {"default": "D", "rag": "R"}).only("rag").choose(None)
        'R'
        """
        if name not in self.templates:
            names = ", ".join(map(shown, self.templates))
            raise NoChatTemplateError(f"{shown(self.name)} has no chat template {shown(name)}: choose from {names}.")
        return ChatTemplates(self.name, {"default": self.templates[name]}, self.special_tokens)


def load_chat_templates(path: str | os.PathLike[str]) -> ChatTemplates:
    """Read the chat templates of a folder, or of one file in it.

    A folder is read as transformers reads it: ``chat_template.jinja`` and ``additional_chat_templates/*.jinja`` come
    before the ``chat_template`` of ``tokenizer_config.json``, and the special tokens are those of
    ``tokenizer_config.json``. Nothing in the files is run here; `lmloupe.render_chat` renders
    them in a separate process.

    Args:
        path: a folder, a ``tokenizer_config.json`` or a file of Jinja.

    Raises:
        SourceNotFoundError: no such file or folder, or no template in it.
        LoadError: too large, not UTF-8, or not valid JSON.
        UnsupportedError: JSON of another form.

    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     _ = Path(folder, "tokenizer_config.json").write_text('{"chat_template": "Hi", "bos_token": "<s>"}')
    ...     own = load_chat_templates(folder)
    >>> own.choose(None), own.special_tokens
    ('Hi', {'bos_token': '<s>'})
    """
    given = Path(os.path.expanduser(os.fspath(path)))
    if os.path.isdir(given):
        found = [given / name for name in (_CONFIG, _JINJA, _MAP, _OLD_CONFIG) if (given / name).is_file()]
        found += sorted((given / _MORE).glob("*.jinja"))
    elif os.path.isfile(given):
        found = [given]
    else:
        raise SourceNotFoundError(f"There is no file or folder {shown(str(given))}: check the path.")
    try:
        files = {
            str(PurePosixPath(*file.relative_to(given).parts)) if file != given else file.name: _read(file)
            for file in found
        }
    except OSError as error:
        raise LoadError(f"{shown(str(given))} cannot be read ({error.strerror}): check its permissions.") from error
    return read_chat_templates(files, str(given))


def read_chat_templates(files: Mapping[str, bytes], name: str, *, may_lack: bool = False) -> ChatTemplates:
    """Read chat templates from the bytes of files, such as those that a person uploads.

    Args:
        files: path within the folder to its bytes. A file that does not end in ``.json`` is Jinja.
        name: what to call them in messages.
        may_lack: files without a template, such as those of a base model, are no error: their special tokens count.

    Raises:
        SourceNotFoundError, LoadError, UnsupportedError: see `load_chat_templates`.

    >>> read_chat_templates({"mine.jinja": b"{{ bos_token }}"}, "mine.jinja").templates
    {'default': '{{ bos_token }}'}
    """
    texts = {path: _text(data, path) for path, data in files.items()}
    jinja = {path: text for path, text in texts.items() if not path.endswith(".json")}
    config: dict[str, Any] = {}
    # The legacy map of special tokens comes last: it counts only beside a config without a table of added tokens.
    for path in sorted((path for path in texts if path not in jinja), key=lambda p: PurePosixPath(p).name == _MAP):
        parsed = _json(texts[path], path)
        if PurePosixPath(path).name != _MAP or "added_tokens_decoder" not in config:
            config |= parsed
    templates = {_jinja_name(path, len(jinja)): text for path, text in jinja.items()}
    if not templates and not (may_lack and config.get("chat_template") is None):
        templates = _named(config, name)
    for source in templates.values():
        if len(source) > MAX_TEMPLATE_CHARACTERS:
            raise LoadError(
                f"A chat template of {shown(name)} has {len(source):,} characters; LM Loupe takes at most "
                f"{MAX_TEMPLATE_CHARACTERS:,}."
            )
    return ChatTemplates(name, templates, _special_tokens(config, name) if len(jinja) < len(texts) else None)


def _read(file: Path) -> bytes:
    with file.open("rb") as stream:
        return stream.read(MAX_TEMPLATE_BYTES + 1)


def _text(data: bytes, path: str) -> str:
    if len(data) > MAX_TEMPLATE_BYTES:
        raise LoadError(f"{shown(path)} is larger than {MAX_TEMPLATE_BYTES >> 20} MB: {_WHAT_TO_GIVE}.")
    try:
        text = data.decode()
    except UnicodeDecodeError as error:
        raise LoadError(f"{shown(path)} is not UTF-8 text (byte {error.start}): {_WHAT_TO_GIVE}.") from error
    # As Python opens text files, and so transformers.
    return text.replace("\r\n", "\n").replace("\r", "\n")


def _json(text: str, path: str) -> dict[str, Any]:
    try:
        parsed = json.loads(text.removeprefix("\ufeff"))
    except json.JSONDecodeError as error:
        raise LoadError(
            f"{shown(path)} is not valid JSON at line {error.lineno}, column {error.colno} ({error.msg}): correct it."
        ) from error
    except (ValueError, RecursionError) as error:
        raise LoadError(f"{shown(path)} is not valid JSON ({error}): correct it.") from error
    if not isinstance(parsed, dict):
        raise UnsupportedError(f"{shown(path)} is not a JSON object: {_WHAT_TO_GIVE}.")
    try:
        json.dumps(parsed, ensure_ascii=False).encode()
    except UnicodeEncodeError as error:
        raise LoadError(
            f"{shown(path)} has half of a surrogate pair in a text, which is not a character: correct it."
        ) from error
    return parsed


def _jinja_name(path: str, n: int) -> str:
    file = PurePosixPath(path)
    return "default" if file.name == _JINJA or (n == 1 and _MORE not in file.parts) else file.stem


def _named(config: Mapping[str, Any], name: str) -> dict[str, str]:
    """The templates of a tokenizer_config.json: one text, or several with names."""
    given = config.get("chat_template")
    if given is None:
        raise SourceNotFoundError(f"{shown(name)} has no chat_template: {_WHAT_TO_GIVE}.")
    if isinstance(given, list) and all(isinstance(entry, dict) for entry in given):
        given = {entry.get("name"): entry.get("template") for entry in given}
    found = {"default": given} if isinstance(given, str) else given
    if (
        not isinstance(found, dict)
        or not found
        or not all(isinstance(key, str) and isinstance(source, str) for key, source in found.items())
    ):
        raise UnsupportedError(
            f"The chat_template of {shown(name)} must be a text, or a list such as "
            '[{"name": "default", "template": "..."}]: correct it.'
        )
    return found


def _special_tokens(config: Mapping[str, Any], name: str) -> dict[str, str]:
    """What transformers gives a template beside the conversation: the named special tokens, and the model's own."""
    more = config.get("extra_special_tokens")
    every = {**config, **(more if isinstance(more, dict) else {})}
    found = {}
    for key, value in every.items():
        content = value.get("content") if isinstance(value, dict) else value
        if not key.endswith("_token") and not (isinstance(more, dict) and key in more):
            continue
        if isinstance(content, str):
            found[key] = content
        elif key in _NAMED and value is not None:
            raise UnsupportedError(f"The {key} of {shown(name)} must be a text: correct it.")
    return found
