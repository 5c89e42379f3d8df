"""Read a script for what fails or surprises when it runs. From its syntax tree: nothing of it is executed."""

from __future__ import annotations

import ast
import re
import textwrap
import warnings
from collections.abc import Iterator

from lmloupe.diagnose.known import diagnosis_of
from lmloupe.diagnose.pattern import Pattern, address
from lmloupe.diagnose.patterns.generating import GENERATING, STREAMS_THE_PROMPT
from lmloupe.diagnose.patterns.inputs import BATCH_AS_TENSOR, RIGHT_PADDING
from lmloupe.diagnose.places import Places
from lmloupe.diagnose.results import Diagnosis
from lmloupe.diagnose.texts.formats import FORMATS, formats_in

__all__ = ["code_findings", "is_program"]

_MAX_CODE, _MAX_NAME = 100_000, 100
_MARKS = re.compile(r"^(\s*)(?:>>> ?|\.\.\. ?|[!%].*$)", re.MULTILINE)
_CALLS = ("apply_chat_template", "from_pretrained", "generate(", "TextStreamer", "TextIteratorStreamer")
_NO_PROMPT = Pattern(
    key="generation_prompt_lost", kind="prompt", library="", seen=(),
    means="This call renders the conversation and does not ask for a reply.",
    why="Without add_generation_prompt=True the prompt ends behind the last turn: the model then writes the header of "
    "its reply itself, or speaks for the person.",
    page=address("chat", add_generation_prompt=False),
)  # fmt: skip
_TWICE = Pattern(
    key="doubled_bos", kind="prompt", library="", seen=(),
    means="The rendered chat is tokenized as a plain text, which may put a second bos in front of it.",
    why="Templates such as Llama 3's write the bos, and the tokenizer adds one when it is simply called. Let "
    "apply_chat_template tokenize, or turn the tokenizer's own special tokens off.",
    page="/tokens?text=%3C%7Cbegin_of_text%7C%3EHi&tokenizers=llama-3.1&add_special_tokens=1",
)  # fmt: skip
_OTHER_FORMAT = Pattern(
    key="another_family_s_format", kind="prompt", library="", seen=(),
    means="The prompt is written in another family's format.",
    why="", page=address("wrong_format"),
    before='prompt = f"<|im_start|>user\\n{question}<|im_end|>\\n"',
    after="prompt = tokenizer.apply_chat_template(messages, add_generation_prompt=True, tokenize=False)",
)  # fmt: skip


def code_findings(places: Places) -> Iterator[Diagnosis]:
    """What fails or surprises in a script that loads a model or writes with one; nothing for any other text."""
    if len(places.text) > _MAX_CODE or not any(name in places.text for name in _CALLS):
        return
    tree = _tree(places.text)
    if tree is None:
        return
    calls = [node for node in ast.walk(tree) if isinstance(node, ast.Call)]
    calls.sort(key=lambda node: (node.lineno, node.col_offset))
    script = _Script(places, calls, _assigned(tree))
    for check in (script.prompts, script.twice, script.positional, script.streamers, script.remote, script.padding):
        yield from check()
    yield from script.formats(tree)


def is_program(text: str) -> bool:
    r"""Whether a text is Python that imports or defines something.

    >>> is_program("import os\nprint(1)"), is_program("<|im_start|>user\nHi<|im_end|>")
    (True, False)
    """
    if len(text) > _MAX_CODE or not any(word in text for word in ("import ", "def ", "class ")):
        return False
    tree = _tree(text)
    return tree is not None and any(isinstance(node, _DEFINES) for node in ast.iter_child_nodes(tree))


_DEFINES = (ast.Import, ast.ImportFrom, ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)


def _tree(text: str) -> ast.AST | None:
    """The syntax tree; None where the text is no Python, not even without prompts, magic commands and indentation."""
    blank = textwrap.dedent(_MARKS.sub(r"\1", text))
    for attempt in (text, blank):
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")  # of escapes in strings of the text
                return ast.parse(attempt)
        except (SyntaxError, ValueError, RecursionError, MemoryError):  # not swallowed: it is no script then
            continue
    return None


def _assigned(tree: ast.AST) -> dict[str, ast.Call]:
    """The call whose value a name was last given, by the name: ``x = call(...)`` or ``x = call(...).to(...)``."""
    found: dict[str, ast.Call] = {}
    for node in ast.walk(tree):
        if isinstance(node, ast.Assign) and len(node.targets) == 1 and isinstance(node.targets[0], ast.Name):
            value = node.value
            while isinstance(value, ast.Call) and isinstance(value.func, ast.Attribute):
                if value.func.attr not in ("to", "cuda"):
                    break
                value = value.func.value
            if isinstance(value, ast.Call):
                found[node.targets[0].id] = value
    return found


def _name(call: ast.Call) -> str:
    function = call.func
    if isinstance(function, ast.Attribute):
        return function.attr
    return function.id if isinstance(function, ast.Name) else ""


def _said(call: ast.Call, name: str) -> object:
    """The literal value of a keyword; None where it is not there, Ellipsis where it is not literal."""
    given = next((one.value for one in call.keywords if one.arg == name), None)
    if given is None:
        return None
    return given.value if isinstance(given, ast.Constant) else ...


def _with(call: ast.Call, **keywords: bool) -> str:
    kept = [one for one in call.keywords if one.arg not in keywords]
    added = [ast.keyword(name, ast.Constant(value)) for name, value in keywords.items()]
    return ast.unparse(ast.Call(call.func, call.args, [*kept, *added]))


class _Script:
    """The calls of a script, and what each check finds in them."""

    def __init__(self, places: Places, calls: list[ast.Call], assigned: dict[str, ast.Call]) -> None:
        self.places, self.calls, self.assigned = places, calls, assigned
        self.generates = any(_name(call) == "generate" for call in calls)

    def finding(self, pattern: Pattern, node: ast.AST, **other: str) -> Diagnosis:
        line = getattr(node, "lineno", 1)
        start, end = self.places.of_line(line)
        return diagnosis_of(pattern, self.places, (start, end, line), other=other)

    def prompts(self) -> Iterator[Diagnosis]:
        for call in self.calls:
            unpacks = any(one.arg is None for one in call.keywords)
            if _name(call) != "apply_chat_template" or not self.generates or unpacks:
                continue
            if not _said(call, "add_generation_prompt") and not _said(call, "continue_final_message"):
                after = _with(call, add_generation_prompt=True)
                yield self.finding(_NO_PROMPT, call, before=ast.unparse(call), after=after)

    def twice(self) -> Iterator[Diagnosis]:
        for call in self.calls:
            first = call.args[0] if call.args else None
            source = self.assigned.get(first.id) if isinstance(first, ast.Name) else None
            if source is None or _name(source) != "apply_chat_template" or _said(source, "tokenize") is not False:
                continue
            tokenizes = _name(call) in ("tokenizer", "tok", "encode", "processor")
            if tokenizes and _said(call, "add_special_tokens") is None:
                after = _with(call, add_special_tokens=False)
                yield self.finding(_TWICE, call, before=ast.unparse(call), after=after)

    def positional(self) -> Iterator[Diagnosis]:
        for call in self.calls:
            first = call.args[0] if call.args else None
            if _name(call) != "generate" or not isinstance(first, ast.Name):
                continue
            source = self.assigned.get(first.id)
            if source is None or _name(source) not in ("apply_chat_template", "tokenizer", "tok"):
                continue
            if _said(source, "return_dict") is False or _said(source, "tokenize") is False:
                continue
            starred = ast.Call(call.func, call.args[1:], [ast.keyword(None, first), *call.keywords])
            yield self.finding(BATCH_AS_TENSOR, call, before=ast.unparse(call), after=ast.unparse(starred))

    def streamers(self) -> Iterator[Diagnosis]:
        for call in self.calls:
            if _name(call) in ("TextStreamer", "TextIteratorStreamer") and not _said(call, "skip_prompt"):
                if len(call.args) > 1:  # skip_prompt by its place
                    continue
                after = _with(call, skip_prompt=True)
                yield self.finding(STREAMS_THE_PROMPT, call, before=ast.unparse(call), after=after)

    def remote(self) -> Iterator[Diagnosis]:
        pattern = next(one for one in GENERATING if one.key == "cache_of_old_code")
        for call in self.calls:
            names = [one.value for one in call.args if isinstance(one, ast.Constant) and isinstance(one.value, str)]
            if _said(call, "trust_remote_code") is True and any("phi-3" in name.lower() for name in names):
                kept = [one for one in call.keywords if one.arg != "trust_remote_code"]
                after = ast.unparse(ast.Call(call.func, call.args, kept))
                yield self.finding(pattern, call, before=ast.unparse(call), after=after)

    def padding(self) -> Iterator[Diagnosis]:
        if not self.generates or "padding_side" in self.places.text:
            return
        for call in self.calls:
            if _name(call) in ("tokenizer", "tok", "apply_chat_template") and _said(call, "padding"):
                yield self.finding(
                    RIGHT_PADDING, call,
                    means="This batch is padded on the side that the tokenizer's files name, which for many models is "
                    "the right one.",
                )  # fmt: skip
                return

    def formats(self, tree: ast.AST) -> Iterator[Diagnosis]:
        texts = [
            (node, node.value)
            for node in ast.walk(tree)
            if isinstance(node, ast.Constant) and isinstance(node.value, str)
        ]
        named = [text.lower() for _, text in texts if "/" in text and len(text) < _MAX_NAME]
        family = next((one for text in named for one in FORMATS if any(name in text for name in one.models)), None)
        if family is None:
            return
        for node, text in texts:
            written = formats_in(text)
            if written and family not in written:
                yield self.finding(
                    _OTHER_FORMAT, node,
                    means=f"The prompt is in the format of {written[0].name}, and the model is of the family "
                    f"{family.name}.",
                    why=f"{written[0].marks[0]} is plain text to it: it was trained with {family.marks[0]}. Let the "
                    "tokenizer's own template write the prompt.",
                )  # fmt: skip
                return
