"""Read a rendered prompt, or a reply: doubled bos, lost generation prompt, another family's format, misspelt tokens."""

from __future__ import annotations

from collections.abc import Iterator
from urllib.parse import quote

from lmloupe.diagnose.linear import compiled
from lmloupe.diagnose.pattern import address
from lmloupe.diagnose.places import Places
from lmloupe.diagnose.results import Diagnosis
from lmloupe.diagnose.texts.codes import is_program
from lmloupe.diagnose.texts.formats import FORMATS, ChatFormat, formats_in, header_at_end, misspelt
from lmloupe.encodings.encoding import encode
from lmloupe.encodings.special_tokens import doubled_bos
from lmloupe.tokens.embedded import load_embedded

__all__ = ["LOST_PROMPT", "prompt_findings"]

LOST_PROMPT = (
    "tokenizer.apply_chat_template(messages)",
    "tokenizer.apply_chat_template(messages, add_generation_prompt=True)",
)
_MARK = r"<[|｜]?[A-Za-z/][A-Za-z0-9_ ▁]{1,40}[|｜]?>"
_ASSISTANT = r"^\s*(?:assistant|model)[ \t]*\r?\n"
_SHOWN = 200
_MOST_TOKENS = 20_000


def prompt_findings(places: Places) -> Iterator[Diagnosis]:
    """What is wrong with a prompt or a reply; one that nothing is wrong with is called so.

    Marks in a program are pieces of strings: where a turn ends there says nothing, so only their spelling is looked at.
    """
    text, found = places.text, list(_misspelt(places))
    if is_program(text):
        yield from found
        return
    families = formats_in(text)
    if not families:
        found += _begins_with_assistant(places)
    else:
        found += _doubled_bos(places, families)
        found += _mixed(places, families)
        found += _ends(places, families[0])
    if not found and families:
        yield _in_order(places, families[0])
    yield from found


def _diagnosis(
    places: Places, key: str, start: int, end: int, *, means: str, why: str, before: str = "", after: str = "",
    page: str = "", times: int = 1,
) -> Diagnosis:  # fmt: skip
    return Diagnosis(key, "prompt", means, why, before, after, start, end, places.line_of(start), times, page, "")


def _misspelt(places: Places) -> Iterator[Diagnosis]:
    seen: dict[str, list[int]] = {}
    for count, match in enumerate(compiled(_MARK).finditer(places.data)):
        if count == _MOST_TOKENS:
            break
        written = match.group().decode("utf-8")
        if misspelt(written):
            seen.setdefault(written, []).append(match.start())
    for written, found in seen.items():
        meant = misspelt(written)
        start, end, _ = places.span(found[0], found[0] + len(written.encode("utf-8")))
        tokenizer = next((one.tokenizer for one in FORMATS if meant in (*one.marks, *one.ends)), "") or "llama-3.1"
        yield _diagnosis(
            places, f"misspelt_{meant.strip('<|>')}", start, end, times=len(found),
            means=f"{written} is plain text to the model; the special token is spelled {meant}.",
            why="Only the exact spelling becomes the one token that the model was trained with. Anything else is cut "
            "into letters and pieces of words.",
            before=written, after=meant,
            page=f"/tokens?text={quote(f'{written} {meant}', safe='')}&tokenizers={tokenizer}&show_tokens=both",
        )  # fmt: skip


def _doubled_bos(places: Places, families: tuple[ChatFormat, ...]) -> Iterator[Diagnosis]:
    text = places.text.lstrip()
    start = len(places.text) - len(text)
    for one in families:
        if not one.bos or not text.startswith(one.bos):
            continue
        twice = text[len(one.bos) :].lstrip(" ").startswith(one.bos)
        doubles = _doubles(one, text)
        if not twice and not doubles:
            return
        example = quote(text[:_SHOWN], safe="")
        shown = "/special"
        if one.tokenizer:
            shown = f"/tokens?text={example}&tokenizers={one.tokenizer}&add_special_tokens=1"
        yield _diagnosis(
            places, "doubled_bos", start, start + len(one.bos) * (2 if twice else 1),
            means=f"This prompt begins with {one.bos} twice."
            if twice
            else f"Calling the tokenizer on this prompt puts a second {one.bos} in front of it.",
            why="The template writes it already, and so does the tokenizer when it is simply called. The model was "
            "never trained on two.",
            before="inputs = tokenizer(prompt, return_tensors=\"pt\")",
            after='inputs = tokenizer(prompt, add_special_tokens=False, return_tensors="pt")',
            page=shown,
        )  # fmt: skip
        return


def _doubles(one: ChatFormat, text: str) -> bool:
    if not one.tokenizer:
        return one.adds_bos
    return doubled_bos(encode(load_embedded(one.tokenizer), text[:_SHOWN], add_special_tokens=True))


def _mixed(places: Places, families: tuple[ChatFormat, ...]) -> Iterator[Diagnosis]:
    if len(families) < 2:
        return
    first, second = families[:2]
    mark = min((one for one in second.marks if one in places.text), key=places.text.find)
    start = places.text.find(mark)
    yield _diagnosis(
        places, "formats_mixed", start, start + len(mark),
        means=f"Two formats in one prompt: it begins in that of {first.name}, and {mark} belongs to {second.name}.",
        why="To a model the marks of another family are plain text. Let apply_chat_template write the whole prompt "
        "rather than joining parts of prompts.",
        before="prompt = old_prompt + new_turn",
        after="prompt = tokenizer.apply_chat_template(messages, add_generation_prompt=True, tokenize=False)",
        page=address("wrong_format"),
    )  # fmt: skip


def _ends(places: Places, one: ChatFormat) -> Iterator[Diagnosis]:
    """What is wrong with the end: no request for a reply, a reply that opens its own turn, one that never stopped."""
    text = places.text.strip()
    role, place = header_at_end(text, one)
    first = min((at for name in one.roles if (at := text.find(one.header.format(role=name))) >= 0), default=-1)
    lead = len(places.text) - len(places.text.lstrip())
    end_mark = next((mark for mark in one.ends if text.endswith(mark)), "")
    if role and role != one.roles[0] and end_mark:
        tokenizer = one.tokenizer or "llama-3.1"
        yield _diagnosis(
            places, "generation_prompt_lost", lead + place, lead + len(text),
            means=f"The prompt ends with the {role}'s turn and does not ask for a reply.",
            why=f"The model goes on with the most probable text, which is the header of a reply: that is why replies "
            f"then begin with “{one.roles[0]}”, or speak for the person. It should end with {one.asks.strip()}.",
            before=LOST_PROMPT[0], after=LOST_PROMPT[1],
            page=address("chat", template_of=tokenizer, add_generation_prompt=False),
        )  # fmt: skip
        return
    stopped = [at for mark in one.ends if (at := text.find(mark)) >= 0]
    opens = text.startswith((*one.marks, one.bos or one.marks[0]))
    is_reply = not opens and bool(stopped) and (first < 0 or min(stopped) < first)
    if is_reply and _without(text[min(stopped) :], one.ends).strip():
        mark = next(mark for mark in one.ends if text.startswith(mark, min(stopped)))
        yield _diagnosis(
            places, "never_stops", lead + min(stopped), lead + min(stopped) + len(mark),
            means=f"The model ended its turn with {mark} here, and generate() went on.",
            why="generate() waits for the tokens in eos_token_id alone. Without the one that ends a turn, the model "
            "goes on to write the person's part and its own until max_new_tokens.",
            before="outputs = model.generate(**inputs, max_new_tokens=500)",
            after=f'ends = [tokenizer.eos_token_id, tokenizer.convert_tokens_to_ids("{mark}")]\n'
            "outputs = model.generate(**inputs, max_new_tokens=500, eos_token_id=ends)",
            page=address("conversation"),
        )  # fmt: skip


def _without(text: str, marks: tuple[str, ...]) -> str:
    for mark in marks:
        text = text.replace(mark, "")
    return text


def _begins_with_assistant(places: Places) -> Iterator[Diagnosis]:
    match = compiled(_ASSISTANT).search(places.data)
    if match is None:
        return
    start, end, _ = places.span(*match.span())
    start = end - len(places.text[start:end].lstrip())
    yield _diagnosis(
        places, "reply_begins_with_assistant", start, end,
        means=f"The reply begins with the word “{places.text[start:end].strip()}”: the prompt did not ask for a reply.",
        why="Without the generation prompt the model first writes the header of its own turn. Its special tokens are "
        "left out when the reply is decoded (skip_special_tokens=True), and the name of the role stays.",
        before=LOST_PROMPT[0], after=LOST_PROMPT[1],
        page=address("chat", template_of="llama-3.1", add_generation_prompt=False),
    )  # fmt: skip


def _in_order(places: Places, one: ChatFormat) -> Diagnosis:
    start = places.text.find(next(mark for mark in one.marks if mark in places.text))
    return _diagnosis(
        places, "prompt_in_order", start, start,
        means=f"A prompt in the format of {one.name}; nothing is wrong with its marks.",
        why="Looked at: the spelling of special tokens, a doubled beginning, marks of other families, and whether it "
        "asks for a reply.",
        page=address("chat", template_of=one.tokenizer) if one.tokenizer else address("chat"),
    )  # fmt: skip
