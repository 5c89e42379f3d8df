"""The tree of errors says what failed: loading, asking, or the input."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

import lmloupe as lm
from lmloupe import errors
from lmloupe.loading.hub_errors import loading, reading
from lmloupe.loading.isolated.refusals import refusal

PACKAGE = Path(errors.__file__).parent
KINDS = [getattr(errors, name) for name in errors.__all__]

# Where things are loaded: only there is raised what lies under LoadError.
LOADING = (
    "loading/",
    "names.py",
    "model/load.py",
    "model/load_masked.py",
    "model/gap/masked.py",
    "model/sources.py",
    "planner/",
    "model/passes/",
    "precision/comparison/room.py",
    "precision/speed/",
    "chat/templates/file.py",
)


def test_every_error_is_public_and_in_the_drawing() -> None:
    assert errors.__all__ == sorted(errors.__all__)
    assert set(errors.__all__) <= set(lm.__all__)
    drawing = errors.__doc__ or ""
    for kind in KINDS:
        assert issubclass(kind, lm.LoupeError)
        assert kind.__name__ in drawing


def test_what_failed_is_loading_asking_or_the_input_and_never_two_of_them() -> None:
    roots = (lm.LoadError, lm.QuestionError, lm.InputError, lm.TemplateError)
    for kind in KINDS:
        if kind not in (lm.LoupeError, lm.TokenizerTimeoutError):
            assert sum(issubclass(kind, root) for root in roots) == 1, kind
    assert issubclass(lm.LoadTimeoutError, lm.TokenizerTimeoutError)
    assert issubclass(lm.AnswerTimeoutError, lm.TokenizerTimeoutError)


def raised(path: Path) -> set[str]:
    """Names of the exceptions that a module makes."""
    calls = (node for node in ast.walk(ast.parse(path.read_text("utf-8"))) if isinstance(node, ast.Call))
    return {call.func.id for call in calls if isinstance(call.func, ast.Name)}


def test_only_what_loads_says_that_loading_failed() -> None:
    kinds = {kind.__name__ for kind in KINDS if issubclass(kind, lm.LoadError)}
    says = {path.relative_to(PACKAGE).as_posix() for path in PACKAGE.rglob("*.py") if raised(path) & kinds}
    assert "loading/isolated/refusals.py" in says
    assert {path for path in says if not path.startswith(LOADING)} == set()


@pytest.mark.parametrize("error", [KeyError("x"), ZeroDivisionError(), Exception("Cannot parse"), OSError("gone")])
def test_what_a_foreign_call_raises_is_a_failed_load(error: Exception) -> None:
    with pytest.raises(lm.UnsupportedError, match=r"'mine'") as caught, loading("mine", None, "model"):
        raise error
    assert caught.value.__cause__ is error


def test_a_bug_of_ours_is_not_told_as_a_damaged_file(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "tokenizer.json").write_text("{}")
    (tmp_path / "config.json").write_text("{}")
    (tmp_path / "model.safetensors").write_bytes(b"")

    def bug(*_: object, **__: object) -> None:
        raise AttributeError("a bug")

    monkeypatch.setattr("lmloupe.loading.hub_tokenizer._require_tokenizer", bug)
    with pytest.raises(AttributeError, match="a bug"):
        lm.load_tokenizer(tmp_path)
    with pytest.raises(AttributeError, match="a bug"):
        lm.load_engine(tmp_path)
    monkeypatch.setattr("lmloupe.planner.estimate.causal_config", bug)
    with pytest.raises(AttributeError, match="a bug"):
        lm.memory_estimate(tmp_path)


def test_a_bug_in_the_process_is_raised_as_one() -> None:
    with pytest.raises(RuntimeError, match=r"KeyError: 'x'"):
        raise refusal("mine", {"refused": "bug", "detail": "KeyError: 'x'"}, loaded=True)


def test_the_system_says_which_folder_cannot_be_read() -> None:
    with pytest.raises(lm.LoadError, match=r"A file of 'mine' may not be read"), reading("mine"):
        raise PermissionError(13, "Permission denied")
    with pytest.raises(lm.LoadError, match=r"of 'mine' cannot be read \(Input/output error\)"), reading("mine"):
        raise OSError(5, "Input/output error")
