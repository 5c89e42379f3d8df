"""What a text that a model writes has to be: one of a list, a match of a regular expression, or JSON under a schema."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from lmloupe.errors import InvalidConstraintError
from lmloupe.model.constrained.grammar import require_usable
from lmloupe.model.constrained.schema import read_schema

__all__ = ["Constraint"]

Kind = Literal["choices", "regex", "json_schema"]


@dataclass(frozen=True, slots=True, repr=False)
class Constraint:
    """A rule that the whole of a written text keeps. Make one with `choices`, `regex` or `json_schema`.

    It is checked when it is made. The grammars are those of llguidance, which says at each step which tokens may come.

    Attributes:
        kind: ``"choices"``, ``"regex"`` or ``"json_schema"``.
        source: the rule as text: a JSON list of the choices, the regular expression, or the schema as JSON.
        any_whitespace: of a schema: any JSON whitespace is allowed; else the spacing is that of ``json.dumps``.

    Raises:
        InvalidConstraintError: the rule is malformed, beyond the limits of llguidance, or one that no text satisfies.

    >>> Constraint.choices(["yes", "no"])
    Constraint.choices(['yes', 'no'])
    >>> Constraint.regex("a(?=b)")
    Traceback (most recent call last):
    lmloupe.InvalidConstraintError: The regular expression cannot be used: look-around, including look-ahead and \
look-behind, is not supported.
    """

    kind: Kind
    source: str
    any_whitespace: bool = False

    def __post_init__(self) -> None:
        require_usable(self.kind, self.source, any_whitespace=self.any_whitespace)

    @classmethod
    def choices(cls, choices: Sequence[str]) -> Constraint:
        """One of these texts, exactly.

        Args:
            choices: at least one; the same text twice counts once.

        Raises:
            InvalidConstraintError: there is none, or one is empty or no text.

        >>> Constraint.choices([])
        Traceback (most recent call last):
        lmloupe.InvalidConstraintError: The list of choices is empty: name at least one text.
        """
        if isinstance(choices, str) or not isinstance(choices, Iterable):
            what = "one text" if isinstance(choices, str) else repr(choices)
            raise InvalidConstraintError(f"The choices must be a list of texts, but they are {what}.")
        found = list(choices)
        for i, choice in enumerate(found, 1):
            if not isinstance(choice, str):
                raise InvalidConstraintError(f"Choice {i} of {len(found)} is {choice!r}, but it must be a text.")
        return cls("choices", json.dumps(list(dict.fromkeys(found)), ensure_ascii=False))

    @classmethod
    def regex(cls, pattern: str) -> Constraint:
        r"""A text that the expression matches from its first to its last character.

        Args:
            pattern: in the syntax of Rust's regex crate: as Python's, but without look-around, backreferences and
                ``\b``; ``^`` may stand at the beginning alone, ``$`` at the end.

        >>> Constraint.regex("[0-9]{4}-[0-9]{2}").kind
        'regex'
        """
        return cls("regex", pattern)

    @classmethod
    def json_schema(cls, schema: Mapping[str, Any] | str, *, any_whitespace: bool = False) -> Constraint:
        """JSON that the schema accepts; properties come in the order in which the schema names them.

        Args:
            schema: JSON Schema 2020-12, parsed or as text. A keyword that llguidance does not know how to keep, such as
                ``uniqueItems``, is refused, never ignored.
            any_whitespace: allow any JSON whitespace; else the spacing is that of ``json.dumps``.

        >>> Constraint.json_schema({"type": "integer", "minimum": 5, "maximum": 3})
        Traceback (most recent call last):
        lmloupe.InvalidConstraintError: Nothing satisfies the JSON schema: minimum (5) is greater than maximum (3).
        """
        try:
            text = schema if isinstance(schema, str) else json.dumps(schema, ensure_ascii=False)
        except (TypeError, ValueError) as error:
            raise InvalidConstraintError(f"The JSON schema cannot be written as JSON: {error}.") from error
        except RecursionError as error:
            raise InvalidConstraintError("The JSON schema is nested too deeply to be read.") from error
        return cls("json_schema", text, any_whitespace)

    def __repr__(self) -> str:
        if self.kind == "choices":
            return f"Constraint.choices({json.loads(self.source)!r})"
        if self.kind == "regex":
            return f"Constraint.regex({self.source!r})"
        spaced = ", any_whitespace=True" if self.any_whitespace else ""
        return f"Constraint.json_schema({read_schema(self.source)!r}{spaced})"
