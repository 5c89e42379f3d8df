"""A JSON schema as it was given: read, and whether anything finite can satisfy it."""

from __future__ import annotations

import json
import math
from decimal import Decimal
from typing import Any

from lmloupe.errors import InvalidConstraintError

__all__ = ["ends", "read_schema"]

MAX_NUMBER = 2**53 - 1
MAX_MULTIPLE = 10_000
MAX_DEPTH = 120


def read_schema(text: str) -> dict[str, Any] | bool:
    """The schema that a text spells.

    Raises:
        InvalidConstraintError: it is not JSON, or neither an object nor true or false.

    >>> read_schema('{"type": "string"}')
    {'type': 'string'}
    >>> read_schema('{"type": "string"')
    Traceback (most recent call last):
    lmloupe.InvalidConstraintError: The JSON schema is not valid JSON: Expecting ',' delimiter in line 1, column 18.
    """
    try:
        schema = json.loads(text, parse_constant=_no_number, parse_int=_whole_number, parse_float=_number)
        _require_bounded(schema)
        json.dumps(schema, ensure_ascii=False).encode()
    except json.JSONDecodeError as error:
        raise InvalidConstraintError(
            f"The JSON schema is not valid JSON: {error.msg} in line {error.lineno}, column {error.colno}."
        ) from error
    except RecursionError as error:
        raise InvalidConstraintError("The JSON schema is nested too deeply to be read.") from error
    except UnicodeEncodeError as error:
        raise InvalidConstraintError("The JSON schema holds a lone surrogate, which is no text.") from error
    if not isinstance(schema, dict | bool):
        raise InvalidConstraintError(f"A JSON schema is an object, but this is {type(schema).__name__}: {text[:60]}")
    return schema


def _no_number(name: str) -> float:
    raise InvalidConstraintError(f"The JSON schema is not valid JSON: {name} is no number there.")


def _whole_number(digits: str) -> int:
    _number(digits)
    return int(digits)


def _number(digits: str) -> float:
    # llguidance counts in floats: it would keep another number than the one that is asked for, and near -2**63 its
    # recursion never ends, which takes the whole process down.
    value = float(digits)
    if abs(value) > MAX_NUMBER:
        raise InvalidConstraintError(
            f"The JSON schema cannot be used: {digits[:30]} is too large, numbers go to {MAX_NUMBER:,}."
        )
    return value


def _require_bounded(schema: Any) -> None:
    """Refuse what Python's stack cannot follow, and multiples that llguidance would count for minutes."""
    multiples, waiting = 1, [(schema, 1)]
    while waiting:
        part, depth = waiting.pop()
        if depth > MAX_DEPTH:
            raise InvalidConstraintError("The JSON schema is nested too deeply to be read.")
        if isinstance(part, dict):
            step = part.get("multipleOf")
            if isinstance(step, int | float) and not isinstance(step, bool) and step > 0:
                digits = Decimal(repr(step)).normalize().as_tuple().digits
                multiples = math.lcm(multiples, int("".join(map(str, digits))))
            waiting += [(value, depth + 1) for value in part.values()]
        elif isinstance(part, list):
            waiting += [(value, depth + 1) for value in part]
    if multiples > MAX_MULTIPLE:
        raise InvalidConstraintError(
            "The JSON schema cannot be used: the least common multiple of its multipleOf is too large, "
            f"at most {MAX_MULTIPLE:,}."
        )


def ends(schema: dict[str, Any] | bool) -> bool:
    """Whether a text that satisfies the schema can end: False where it has to contain itself again without end.

    Looks at what an object or array must contain; everything else is llguidance's to judge.

    >>> ends({"type": "object", "required": ["child"], "properties": {"child": {"$ref": "#"}}})
    False
    >>> ends({"type": "object", "properties": {"child": {"$ref": "#"}}})
    True
    """
    # The least set of references that can end: more of them in each round, until a round adds none.
    known: set[str] = set()
    references = _references(schema)
    while True:
        more = {name for name in references - known if _ends(_target(schema, name), known)}
        if not more:
            return _ends(schema, known)
        known |= more


def _ends(schema: Any, known: set[str]) -> bool:
    if not isinstance(schema, dict) or "const" in schema or "enum" in schema:
        return True
    reference = schema.get("$ref")
    if isinstance(reference, str) and reference not in known:
        return False
    some = [schema[name] for name in ("anyOf", "oneOf") if isinstance(schema.get(name), list) and schema[name]]
    every = schema["allOf"] if isinstance(schema.get("allOf"), list) else []
    return (
        all(any(_ends(part, known) for part in parts) for parts in some)
        and all(_ends(part, known) for part in every)
        and all(_ends(part, known) for part in _parts(schema))
    )


def _parts(schema: dict[str, Any]) -> list[Any]:
    """The schemas of what something of this schema has to contain."""
    kind, properties, required = schema.get("type"), schema.get("properties"), schema.get("required")
    if kind == "object" and isinstance(properties, dict) and isinstance(required, list):
        return [properties[name] for name in required if isinstance(name, str) and name in properties]
    least, first = schema.get("minItems"), schema.get("prefixItems")
    if kind == "array" and isinstance(least, int) and least > 0:
        leading = first[:least] if isinstance(first, list) else []
        return [*leading, schema.get("items", True)] if len(leading) < least else leading
    return []


def _references(schema: Any) -> set[str]:
    found, waiting = set(), [schema]
    while waiting:
        part = waiting.pop()
        if isinstance(part, dict):
            if isinstance(part.get("$ref"), str):
                found.add(part["$ref"])
            waiting += part.values()
        elif isinstance(part, list):
            waiting += part
    return found


def _target(schema: Any, reference: str) -> Any:
    """What a reference inside the schema points at; True, which anything satisfies, where it leads elsewhere."""
    if not reference.startswith("#"):
        return True
    at = schema
    for step in reference[1:].split("/")[1:]:
        name = step.replace("~1", "/").replace("~0", "~")
        if isinstance(at, dict) and name in at:
            at = at[name]
        elif isinstance(at, list) and name.isdecimal() and int(name) < len(at):
            at = at[int(name)]
        else:
            return True
    return at
