"""Find a quantization config in Python or JSON that somebody pastes, without running anything of it."""

from __future__ import annotations

import ast
import json
import re
from dataclasses import dataclass, field

from lmloupe.errors import InvalidSettingError
from lmloupe.precision.explain.check import DEFAULTS, DTYPES, TorchDtype
from lmloupe.precision.explain.methods import CLASSES
from lmloupe.precision.explain.parse import BITSANDBYTES_CLASS, not_read, parsed
from lmloupe.precision.explain.results import ConfigForm

__all__ = ["MAX_CHARACTERS", "Found", "Said", "Unread", "read_config"]

MAX_CHARACTERS = 100_000
_QUOTED = 200


@dataclass(frozen=True, slots=True)
class Unread:
    """A value that is not a literal one, as it stands in the text."""

    source: str


@dataclass(frozen=True, slots=True)
class Said:
    """One setting as the text says it: its value, or `Unread`, and its line (0 in JSON)."""

    name: str
    value: object
    line: int


@dataclass(slots=True)
class Found:
    """A config as it stands in the text.

    ``unpacked`` are sources of ``*args`` and ``**settings``, ``refused`` what Python itself would raise at the call,
    ``given`` is whether a model is loaded with it (None where the text loads none).
    """

    form: ConfigForm
    method: str
    line: int
    said: list[Said]
    unpacked: list[str] = field(default_factory=list)
    refused: str = ""
    given: bool | None = None
    model: str = ""
    dtype: str = ""
    n_configs: int = 1


def read_config(text: str) -> Found:
    """The first config of a text.

    Raises:
        InvalidSettingError: too long, neither Python nor JSON (with line and column), or without a config.
    """
    if len(text) > MAX_CHARACTERS:
        raise InvalidSettingError(
            f"The text has {len(text):,} characters: paste the config alone, at most {MAX_CHARACTERS:,}."
        )
    if not text.strip():
        raise InvalidSettingError("There is nothing to explain yet: paste BitsAndBytesConfig(...) or a config.json.")
    text = text.removeprefix("\ufeff")
    try:
        if text.lstrip().startswith(("{", "[", '"')):
            found = _from_json(text)
            if found is not None:
                return found
        return _from_python(text)
    except (RecursionError, MemoryError) as error:  # MemoryError is what Python's own parser raises for deep nesting
        raise InvalidSettingError(
            "The text is nested too deeply to be read: paste the quantization config alone."
        ) from error


def _from_json(text: str) -> Found | None:
    """The config of a JSON object; None where the text may be a dict of Python."""
    if text.lstrip().startswith('"'):  # a line or a few out of a JSON object
        text = "{" + text.rstrip().removesuffix(",") + "}"
    try:
        whole = json.loads(text)
    except json.JSONDecodeError as error:
        if re.search(r"'|\b(?:True|False|None|torch)\b|#", text):
            return None
        raise not_read(error.lineno, error.colno, error.msg) from error
    except ValueError as error:
        raise InvalidSettingError("A number in this text has thousands of digits: check it.") from error
    if isinstance(whole, list):
        whole = next((one for one in whole if isinstance(one, dict)), None)
    if not isinstance(whole, dict):
        return None
    config = whole.get("quantization_config")
    if config is None and isinstance(whole.get("text_config"), dict):
        config = whole["text_config"].get("quantization_config")
    is_whole = config is not None or "quantization_config" in whole or "model_type" in whole or "architectures" in whole
    if config is None and is_whole:
        return Found("config.json", "none", 1, [], dtype=_plain(whole.get("dtype", whole.get("torch_dtype"))))
    return _from_items(whole if config is None else config, "config.json" if is_whole else "json", whole)


def _from_items(config: object, form: ConfigForm, whole: dict[str, object]) -> Found:
    if not isinstance(config, dict):
        raise InvalidSettingError(f"quantization_config is {_kind(config)}: it must be an object of settings.")
    known = {"quant_method", *DEFAULTS}
    if not known & set(config):
        raise InvalidSettingError(
            "This object has neither a quant_method nor a setting of BitsAndBytesConfig, such as load_in_4bit: "
            "paste the quantization_config of a config.json, or the whole file."
        )
    method = config.get("quant_method")
    flags = config.get("load_in_4bit") or config.get("load_in_8bit")
    if not flags and method is not None and (not isinstance(method, str) or not method.strip()):
        said = "an empty text" if isinstance(method, str) else _kind(method)
        raise InvalidSettingError(f'quant_method is {said}: it must name a way of quantizing, such as "bitsandbytes".')
    name = "bitsandbytes" if flags or method is None else str(method)
    settings = [Said(str(key), value, 0) for key, value in config.items()]
    return Found(form, name, 1, settings, dtype=_plain(whole.get("dtype", whole.get("torch_dtype"))))


def _plain(value: object) -> str:
    return value if isinstance(value, str) and value in DTYPES else ""


def _kind(value: object) -> str:
    kinds = {list: "a list", dict: "an object", str: "a text", bool: "true or false", type(None): "null"}
    return kinds.get(type(value), "a number")


def _from_python(text: str) -> Found:
    tree = parsed(text)
    aliases = {
        alias.asname: alias.name
        for node in ast.walk(tree)
        if isinstance(node, ast.ImportFrom)
        for alias in node.names
        if alias.asname
    }
    calls = [(node, _called(node, aliases)) for node in ast.walk(tree) if isinstance(node, ast.Call)]
    calls.sort(key=lambda one: (one[0].lineno, one[0].col_offset))
    loads = [node for node, name in calls if name.endswith("from_pretrained") and "Tokenizer" not in name]
    named = [(node, name) for node, name in calls if name in CLASSES or name == BITSANDBYTES_CLASS]
    if named:
        node, name = named[0]
        found = _from_call(text, node, CLASSES.get(name, "bitsandbytes"))
        found.n_configs = len(named)
        if loads:
            found.given = any(k.arg in (None, "quantization_config") for load in loads for k in load.keywords)
    else:
        found = _from_a_dict(text, tree) or _from_keywords(text, loads)
    for load in loads[:1]:
        _read_load(load, found)
    return found


def _read_load(load: ast.Call, found: Found) -> None:
    if load.args and isinstance(load.args[0], ast.Constant) and isinstance(load.args[0].value, str):
        found.model = load.args[0].value
    for keyword in load.keywords:
        if keyword.arg in ("dtype", "torch_dtype"):
            value = _value("", keyword.value)
            found.dtype = value.name if isinstance(value, TorchDtype) else _plain(value)


def _from_a_dict(text: str, tree: ast.AST) -> Found | None:
    for node in ast.walk(tree):
        if not isinstance(node, ast.Dict):
            continue
        keys = [key.value if isinstance(key, ast.Constant) else None for key in node.keys]
        if not {"quant_method", *DEFAULTS} & {key for key in keys if isinstance(key, str)}:
            continue
        said = [
            Said(key, _value(text, value), value.lineno)
            for key, value in zip(keys, node.values, strict=True)
            if isinstance(key, str)
        ]
        last = {one.name: one for one in said}  # of a key that stands twice, the last counts
        flags = any(_true(last.get(name)) for name in ("load_in_4bit", "load_in_8bit"))
        method = last["quant_method"].value if "quant_method" in last else None
        name = "bitsandbytes" if flags or not isinstance(method, str) else method
        unpacked = [_source(text, v) for k, v in zip(node.keys, node.values, strict=True) if k is None]
        return Found("dict", name, node.lineno, list(last.values()), unpacked)
    return None


def _true(said: Said | None) -> bool:
    return said is not None and bool(said.value)


def _from_keywords(text: str, loads: list[ast.Call]) -> Found:
    for load in loads:
        said = [
            Said(k.arg, _value(text, k.value), k.value.lineno)
            for k in load.keywords
            if k.arg is not None and k.arg in DEFAULTS
        ]
        if said:
            return Found("keywords", "bitsandbytes", load.lineno, said)
    raise InvalidSettingError(
        "No quantization config is in this text: it needs BitsAndBytesConfig(...), another config class of "
        "transformers, or an object with quantization_config."
    )


def _from_call(text: str, node: ast.Call, method: str) -> Found:
    found = Found("call", method, node.lineno, [])
    names = list(DEFAULTS) if method == "bitsandbytes" else []
    for place, value in enumerate(node.args):
        if isinstance(value, ast.Starred):
            found.unpacked.append(_source(text, value))
        elif place < len(names):
            found.said.append(Said(names[place], _value(text, value), value.lineno))
        elif names:
            found.refused = f"TypeError: it takes at most {len(names)} values by place"
        else:
            found.said.append(Said(f"value {place + 1}", _value(text, value), value.lineno))
    for keyword in node.keywords:
        if keyword.arg is None:
            found.unpacked.append(f"**{_source(text, keyword.value)}")
        elif any(one.name == keyword.arg for one in found.said):
            found.refused = f"TypeError: {keyword.arg} is given twice"
        else:
            found.said.append(Said(keyword.arg, _value(text, keyword.value), keyword.value.lineno))
    return found


def _called(node: ast.Call, aliases: dict[str, str]) -> str:
    """The last name of what is called; for ``A.from_pretrained`` with the name before it."""
    function = node.func
    if isinstance(function, ast.Attribute):
        before = function.value.id if isinstance(function.value, ast.Name) else ""
        return f"{before}.{function.attr}" if function.attr == "from_pretrained" else function.attr
    return aliases.get(function.id, function.id) if isinstance(function, ast.Name) else ""


def _value(text: str, node: ast.expr) -> object:
    """A literal value, a torch dtype, or `Unread`."""
    if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id == "torch":
        return TorchDtype(node.attr) if node.attr in DTYPES else Unread(_source(text, node))
    try:
        return ast.literal_eval(node)
    except (ValueError, TypeError, SyntaxError):  # not swallowed: the answer says that it was not read
        return Unread(_source(text, node))


def _source(text: str, node: ast.AST) -> str:
    found = " ".join(ast.unparse(node).split())
    return found if len(found) <= _QUOTED else f"{found[: _QUOTED - 1]}…"
