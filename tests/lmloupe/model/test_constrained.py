"""What a grammar allows equals a search over the vocabulary; what is written under it satisfies it; errors say why."""

import json
import re
from functools import cache
from itertools import product

import numpy as np
import pytest
import torch
import transformers
from hypothesis import given, settings
from hypothesis import strategies as st

import lmloupe as lm
from lmloupe.model.constrained.guide import Guide
from lmloupe.model.local import LocalEngine
from lmloupe.model.sampling.sampler import Sampler
from tests.support.tiny_models import config

CHOICES = ["yes", "yes, please", "no", "Grüße 🥥", 'a "quoted"\n\\line', " no"]
SCHEMA = {
    "type": "object",
    "properties": {
        "name": {"type": "string", "maxLength": 3},
        "age": {"type": "integer", "minimum": 0, "maximum": 120},
        "likes": {"type": "array", "items": {"enum": ["tea", "nuts"]}, "maxItems": 2},
        "happy": {"type": "boolean"},
    },
    "required": ["name", "age", "likes", "happy"],
    "additionalProperties": False,
}
PATTERN = r"[0-9]{4}-(0[1-9]|1[0-2])( ?é{1,3})?"
PROMPT = "The capital of France is"


@pytest.fixture(scope="module")
def engine() -> lm.Engine:
    """A tiny random model with the embedded model's tokenizer, and rows of its matrix that no token names."""
    tok = lm.load_tokenizer("smollm2")
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(7)
        small = config("llama", vocab_size=tok.vocab_size + 40, hidden_size=16, intermediate_size=16, eos_token_id=2)
        model = transformers.AutoModelForCausalLM.from_config(small).eval()
    return LocalEngine(model, tok, name="tiny", revision=None, quantization="none")


def written(engine: lm.Engine, constraint: lm.Constraint, n: int = 120, seed: int = 0, **options: object) -> list:
    return list(engine.generate(PROMPT, lm.Sampling(), n, seed, constraint=constraint, **options))


def text_of(engine: lm.Engine, steps: list[lm.Step]) -> str:
    stops = engine.describe().stop_ids
    return b"".join(engine.tokenizer.token_bytes(s.token_id) for s in steps if s.token_id not in stops).decode()


@cache
def pieces(family: str) -> list[tuple[int, bytes]]:
    """Every token that stands for a text."""
    tok = lm.load_tokenizer(family)
    special = set(tok.special_tokens.values())
    return [(i, tok.token_bytes(i)) for i in range(tok.vocab_size) if i not in special and tok.has(i)]


def by_search(family: str, so_far: bytes, texts: list[bytes]) -> set[int]:
    """Tokens after which some of the texts is still ahead, each tried alone."""
    rest = tuple(text[len(so_far) :] for text in texts if text.startswith(so_far))
    return {i for i, piece in pieces(family) if piece and any(text.startswith(piece) for text in rest)}


def go_on(guide: Guide, tok: lm.Tokenizer, token_id: int) -> None:
    guide.take(token_id, np.zeros(tok.vocab_size), guide.allowed(tok.vocab_size), np.array([token_id]))


@pytest.mark.parametrize("family", lm.embedded_tokenizers())
def test_a_mask_of_choices_is_what_a_search_over_the_vocabulary_finds(family: str) -> None:
    tok = lm.load_tokenizer(family)
    guide, so_far, texts = Guide(tok, lm.Constraint.choices(CHOICES)), b"", [choice.encode() for choice in CHOICES]
    rng = np.random.default_rng(3)
    while not guide.complete:
        allowed = np.flatnonzero(guide.allowed(tok.vocab_size))
        assert set(allowed.tolist()) == by_search(family, so_far, texts)
        token_id = int(rng.choice(allowed))
        go_on(guide, tok, token_id)
        so_far += tok.token_bytes(token_id)
    assert so_far.decode() in CHOICES


@pytest.mark.parametrize(
    ("pattern", "alphabet", "longest"),
    [("(ab?|b{1,2}c)(ca)?", "abc", 5), ("[te]e? ?(cat|a)", "teca ", 6), ("a{2,4}|a.b", "ab\n", 4)],
)
def test_a_mask_of_a_pattern_is_what_python_re_would_let_through(pattern: str, alphabet: str, longest: int) -> None:
    tok = lm.load_tokenizer("smollm2")
    some = ("".join(letters) for n in range(1, longest + 1) for letters in product(alphabet, repeat=n))
    matches = [text.encode() for text in some if re.fullmatch(pattern, text)]
    beginnings = sorted({text[:n] for text in matches for n in range(len(text) + 1)})
    for so_far in beginnings[::3]:
        guide = Guide(tok, lm.Constraint.regex(pattern), [2])
        for byte in so_far:
            token_id = tok.backend.token_to_id({32: "Ġ", 10: "Ċ"}.get(byte, chr(byte)))
            go_on(guide, tok, token_id)
        if guide.complete:
            assert so_far in matches
            continue
        found = set(np.flatnonzero(guide.allowed(tok.vocab_size)).tolist())
        assert (2 in found) == (so_far in matches)
        # Of the tokens that hold other letters as well, only "." of a pattern lets some through.
        letters = {i for i in found - {2} if set(tok.token_bytes(i)) <= set(alphabet.encode())}
        assert letters == by_search("smollm2", so_far, matches)


def test_tokens_of_a_schema_are_those_that_a_matcher_of_single_bytes_goes_on_with(engine: lm.Engine) -> None:
    from llguidance import LLMatcher

    from lmloupe.model.constrained.grammar import grammar
    from lmloupe.model.constrained.vocabulary import BYTES

    tok, constraint = engine.tokenizer, lm.Constraint.json_schema(SCHEMA)
    rule = grammar("json_schema", constraint.source, any_whitespace=False)
    for so_far in ('{"', '{"name": "a', '{"name": "a", "age": 1', '{"name": "a", "age": 1, "likes": ["tea"'):
        guide = Guide(tok, constraint, engine.describe().stop_ids)
        for token_id in tok.backend.encode(so_far, add_special_tokens=False).ids:
            go_on(guide, tok, token_id)
        allowed = guide.allowed(tok.vocab_size)
        alone = LLMatcher(BYTES, rule)
        alone.consume_tokens(list(so_far.encode()))
        # All that are allowed, and as many that are not.
        for token_id in (*np.flatnonzero(allowed)[:2000], *np.flatnonzero(~allowed)[:2000]):
            raw = tok.token_bytes(int(token_id)) if token_id not in tok.special_tokens.values() else b""
            assert allowed[token_id] == (bool(raw) and alone.validate_tokens(list(raw)) == len(raw))


KINDS = (lm.Constraint.choices(CHOICES), lm.Constraint.regex(PATTERN), lm.Constraint.json_schema(SCHEMA))


@given(seed=st.integers(0, 2**31 - 1), constraint=st.sampled_from(KINDS))
@settings(max_examples=8, deadline=None)
def test_what_is_written_satisfies_its_grammar_whatever_is_drawn(
    engine: lm.Engine, seed: int, constraint: lm.Constraint
) -> None:
    stops = engine.describe().stop_ids
    steps = written(engine, constraint, seed=seed)
    assert steps[-1].ended_by in {"grammar", "stop"}
    assert all(step.ended_by == "" for step in steps[:-1])
    assert steps[-1].constrained.complete
    text = text_of(engine, steps)
    if constraint.kind == "choices":
        assert text in CHOICES
    elif constraint.kind == "regex":
        assert re.fullmatch(PATTERN, text)
    else:
        said = json.loads(text)
        assert list(said) == list(SCHEMA["properties"])
        assert len(said["name"]) <= 3
        assert 0 <= said["age"] <= 120
        assert set(said["likes"]) <= {"tea", "nuts"}
        assert isinstance(said["happy"], bool)
        assert json.dumps(said, ensure_ascii=False) == text or "\\" in text  # the spacing of json.dumps
    special = set(engine.tokenizer.special_tokens.values())
    assert not {step.token_id for step in steps if step.token_id not in stops} & special
    assert all(engine.tokenizer.has(step.token_id) for step in steps)


def test_a_step_says_what_was_struck_out_of_the_models_own_distribution(engine: lm.Engine) -> None:
    constraint = lm.Constraint.choices(["Paris", "Par"])
    steps = written(engine, constraint, seed=1)
    ids = engine.input_ids(PROMPT).tolist()
    texts, stops, so_far = [b"Paris", b"Par"], set(engine.describe().stop_ids), b""
    draws = Sampler(lm.Sampling(), seed=1)
    for step in steps:
        log_probs = engine.next_token(ids).log_probs
        allowed = by_search("smollm2", so_far, texts) | (stops if so_far in texts else set())
        kept = np.array(sorted(allowed))
        masked = np.full(len(log_probs), -np.inf)
        masked[kept] = log_probs[kept]
        assert step.token_id == draws.choose(masked, ids)  # the draw of the same seed from what is left
        own = step.constrained
        assert own.n_allowed == len(kept)
        assert own.forced == (len(kept) == 1)
        assert own.struck_out == pytest.approx(1 - np.exp(log_probs[kept]).sum(), abs=1e-6)
        assert step.log_prob == pytest.approx(log_probs[step.token_id], abs=1e-4)
        assert own.log_prob == pytest.approx(log_probs[step.token_id] - np.log(np.exp(log_probs[kept]).sum()), abs=1e-4)
        best = kept[np.argsort(-log_probs[kept])][:10]
        np.testing.assert_allclose(own.allowed_log_probs, log_probs[best], atol=1e-4)
        assert own.top_allowed.tolist() == [int(i) in allowed for i in step.top_ids]
        assert own.overruled == (int(step.top_ids[0]) not in allowed)
        ids.append(step.token_id)
        if step.token_id not in stops:
            so_far += engine.tokenizer.token_bytes(step.token_id)
        assert own.complete == (so_far in texts)


def test_settings_draw_from_what_the_grammar_leaves(engine: lm.Engine) -> None:
    constraint = lm.Constraint.choices(["red", "green"])
    for sampling in (lm.Sampling(temperature=0), lm.Sampling(top_k=1)):
        first = next(iter(engine.generate(PROMPT, sampling, 1, constraint=constraint)))
        assert first.token_id == first.constrained.allowed_ids[0]


def test_a_grammar_that_may_end_ends_at_a_stop_token_or_runs_on_without_one(engine: lm.Engine) -> None:
    anything = lm.Constraint.regex("(?s:.*)")
    stop = engine.describe().stop_ids[0]
    steps = written(engine, anything, 5, stop_ids=())
    assert steps[-1].ended_by == "length"
    assert stop not in {step.token_id for step in steps}
    assert all(step.constrained.complete for step in steps if step.text and step.token_id < 49152)
    # Where the text may not end yet, the stop token may not come.
    digits = Guide(engine.tokenizer, lm.Constraint.regex("[0-9]{1,2}"), [stop])
    assert not digits.allowed(49192)[stop]
    four = engine.tokenizer.backend.token_to_id("4")
    digits.take(four, np.zeros(49192), digits.allowed(49192), np.array([four]))
    assert digits.allowed(49192)[stop]


def test_too_few_tokens_end_in_the_middle_and_the_step_says_so(engine: lm.Engine) -> None:
    *_, last = written(engine, lm.Constraint.json_schema(SCHEMA), 3)
    assert (last.ended_by, last.constrained.complete) == ("length", False)


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda: lm.Constraint.choices([]), "The list of choices is empty"),
        (lambda: lm.Constraint.choices(["a", ""]), "Choice 2 of 2 is empty"),
        (lambda: lm.Constraint.choices(["a", 3]), "Choice 2 of 2 is 3, but it must be a text"),
        (lambda: lm.Constraint.choices("yes"), "must be a list of texts"),
        (lambda: lm.Constraint.choices(["\ud800"]), "lone surrogate"),
        (lambda: lm.Constraint("choices", "yes"), "not a JSON list"),
        (lambda: lm.Constraint("poem", "x"), "kind of a constraint is 'poem'"),
        (lambda: lm.Constraint.regex("("), "regular expression cannot be used: unclosed group"),
        (lambda: lm.Constraint.regex("a\\"), "ends in a lone backslash"),
        (lambda: lm.Constraint.regex(r"(a)\1"), "backreferences are not supported"),
        (lambda: lm.Constraint.regex(r"\bword\b"), "lookarounds not supported"),
        (lambda: lm.Constraint.regex(r"[^\x00-\x{10FFFF}]"), "Nothing satisfies the regular expression"),
        (lambda: lm.Constraint.regex("x" * 50_001), "has 50,001 characters; at most 50,000"),
        (lambda: lm.Constraint.json_schema("{"), "not valid JSON: Expecting property name"),
        (lambda: lm.Constraint.json_schema("[1]"), "A JSON schema is an object, but this is list"),
        (lambda: lm.Constraint.json_schema('{"minimum": NaN}'), "NaN is no number"),
        (lambda: lm.Constraint.choices(5), "must be a list of texts, but they are 5"),
        (lambda: lm.Constraint.choices([["a"]]), "Choice 1 of 1 is ['a'], but it must be a text"),
        (lambda: lm.Constraint.json_schema({"const": {1}}), "cannot be written as JSON"),
        (lambda: lm.Constraint.json_schema({"const": "\ud800"}), "JSON schema holds a lone surrogate"),
        (lambda: lm.Constraint.json_schema(r'{"const": "\ud800"}'), "JSON schema holds a lone surrogate"),
        (lambda: lm.Constraint.json_schema({"anyOf": []}), "Nothing satisfies the JSON schema: anyOf is empty"),
        # These took the process down, rounded the number, never ended, or filled the stack.
        (lambda: lm.Constraint.json_schema({"const": -(2**63)}), "is too large, numbers go to 9,007,199,254,740,991"),
        (lambda: lm.Constraint.json_schema('{"maximum": -9.223372036854775808e18}'), "is too large"),
        (lambda: lm.Constraint.json_schema('{"const": 1e999}'), "1e999 is too large"),
        (lambda: lm.Constraint.json_schema({"allOf": [{"multipleOf": 7919}, {"multipleOf": 7907}]}), "least common"),
        (lambda: lm.Constraint.json_schema('{"anyOf": [' * 200 + "{}" + "]}" * 200), "nested too deeply"),
        (lambda: lm.Constraint.json_schema("false"), "Nothing satisfies the JSON schema: it is false"),
        (lambda: lm.Constraint.json_schema({"type": "nope"}), "cannot be used: Invalid type: nope"),
        (lambda: lm.Constraint.json_schema({"enum": []}), "Nothing satisfies the JSON schema"),
        (lambda: lm.Constraint.json_schema({"type": "string", "minLength": 5, "maxLength": 3}), "minLength (5)"),
        (lambda: lm.Constraint.json_schema({"uniqueItems": True}), 'Unimplemented keys: ["uniqueItems"]'),
        (
            lambda: lm.Constraint.json_schema(
                {"$defs": {"n": {"type": "array", "items": {"$ref": "#/$defs/n"}, "minItems": 1}}, "$ref": "#/$defs/n"}
            ),
            "it has to contain itself without end",
        ),
    ],
)  # fmt: skip
def test_a_rule_that_cannot_be_kept_is_refused_in_one_sentence(make: object, words: str) -> None:
    with pytest.raises(lm.InvalidConstraintError, match=re.escape(words)) as raised:
        make()
    assert "\n" not in str(raised.value)


def test_a_grammar_that_the_vocabulary_cannot_write_is_told() -> None:
    tok = lm.load_tokenizer("smollm2")
    # A matrix of three rows, none of which is a text.
    guide = Guide(tok, lm.Constraint.choices(["yes"]))
    with pytest.raises(lm.NotAvailableError, match="No token of this tokenizer"):
        guide.allowed(3)


def test_a_pattern_beyond_the_limits_is_told_when_it_is_met(engine: lm.Engine) -> None:
    long = lm.Constraint.json_schema({"type": "string", "minLength": 10**5, "maxLength": 10**6, "pattern": "^(ab|c)+$"})
    with pytest.raises(lm.NotAvailableError, match=r"cannot be followed further here \(lexer error: too many"):
        written(engine, long, 4)
    many = "|".join(f".*{chr(97 + i % 26)}.{{{i}}}" for i in range(1, 400))
    with pytest.raises(lm.InvalidConstraintError, match="too large for this vocabulary: lexer precomputation failed"):
        engine.generate(PROMPT, constraint=lm.Constraint.regex(many))


@pytest.mark.parametrize(
    ("pattern", "text"), [("a/i", "a/i"), ("\\/", "/"), ("a\nb", "a\nb"), ("x/\ns: /y", "x/\ns: /y")]
)
def test_no_sign_of_a_pattern_means_something_to_the_notation(pattern: str, text: str) -> None:
    tok = lm.load_tokenizer("smollm2")
    guide = Guide(tok, lm.Constraint.regex(pattern))
    for token_id in tok.backend.encode(text, add_special_tokens=False).ids:
        assert guide.allowed(tok.vocab_size)[token_id]
        go_on(guide, tok, token_id)
    assert guide.complete


def test_a_list_of_thousands_is_followed() -> None:
    tok = lm.load_tokenizer("smollm2")
    guide = Guide(tok, lm.Constraint.choices([f"x{i}" for i in range(5000)]))
    assert [tok.piece(i) for i in np.flatnonzero(guide.allowed(tok.vocab_size))] == ["x"]
    go_on(guide, tok, tok.backend.token_to_id("x"))
    assert sorted(tok.piece(i) for i in np.flatnonzero(guide.allowed(tok.vocab_size))) == list("0123456789")


def test_constraints_are_equal_by_what_they_say_and_print_as_they_are_made() -> None:
    for constraint in (
        lm.Constraint.choices(["a", "b", "a"]),
        lm.Constraint.regex("a|b"),
        lm.Constraint.json_schema(SCHEMA, any_whitespace=True),
    ):
        again = eval(f"lm.{constraint!r}", {"lm": lm})  # noqa: S307 - a repr of our own
        assert again == constraint
        assert hash(again) == hash(constraint)
