"""Constrained: a model writes what a grammar allows; at each token, what that struck out and what was wanted."""

from __future__ import annotations

from functools import partial

import streamlit as st

import lmloupe as lm
from ui.bar.bar import page_bar
from ui.base.downloads import take_away
from ui.base.errors import Offer, say_error, show_errors
from ui.base.glossary.tables import data_table
from ui.base.loaders import encoding
from ui.chat.request import chat_request, show_refusals
from ui.chat.shorter import offer_turns
from ui.components.grammar_view import grammar_view, picked_step
from ui.generation.constrained import facts
from ui.generation.constrained.rules import choose_rule, current_rule, examples
from ui.generation.constrained.runs import written
from ui.generation.live.runs import Request
from ui.generation.prompt import choose_prompt
from ui.model.answers import keep_last, offer_end, readable
from ui.model.choice import choose_model
from ui.page import as_code, finding, reproduce, words_here
from ui.prediction.sampling_controls import choose_sampling
from ui.state import store as state

N_FREE = 32
KEY = "grammar_steps"
CODE = """
import math

import lmloupe as lm

engine = lm.load_engine({model!r}, quantization={quantization!r})
tok = engine.tokenizer
{prompt}
sampling = lm.{sampling!r}
constraint = lm.{constraint!r}
steps = list(engine.generate(ids, sampling, {n}, {seed}, constraint=constraint))
for step in steps:
    did = step.constrained
    own, under = math.exp(step.log_prob), math.exp(did.log_prob)  # the model's own, and with the grammar
    print(repr(tok.piece(step.token_id)), did.n_allowed, did.struck_out, own, under)
    if did.overruled:  # what the model puts first
        print("  instead of", repr(tok.piece(int(step.top_ids[0]))), math.exp(step.top_log_probs[0]))
print(sum(step.constrained.overruled for step in steps), "of", len(steps), "overruled")
print(math.exp(sum(step.log_prob - step.constrained.log_prob for step in steps)), "left on this path")

# Without the grammar
free = list(engine.generate(ids, sampling, {n_free}, {seed}))
print(repr(lm.decode(tok, [step.token_id for step in free])))
"""


def pick() -> None:
    """A step was pressed."""
    step = picked_step(KEY)
    if step is not None and 0 <= step < 100_000:
        state.put("grammar_step", step)


def offer_question(n_prompt: int, tok: lm.Tokenizer, n: int) -> Offer:
    """The button that cuts the question until its prompt, now ``n_prompt`` tokens, has at most ``n``."""
    around = n_prompt - len(lm.encode(tok, state.get("grammar_question")))
    return Offer("Keep the end of the question", keep_last, ("grammar_question", tok, max(1, n - around)))


bar = page_bar("constrained")
with bar.picks:
    source = choose_prompt("grammar_prompt")
if source == "question":
    bar.text("grammar_question", "Question")
elif source == "text":
    bar.text()
model, quantization, engine = choose_model(bar)
with bar.gear:
    n = state.number_input("grammar_tokens", "Maximum new tokens")
    greedy = state.toggle(
        "grammar_greedy", "Always the most probable token", help="Of those that the grammar allows. Off: drawn."
    )
    sampling = lm.Sampling(temperature=0)
    if not greedy:
        sampling = choose_sampling(tok=engine.tokenizer)
        state.number_input("seed", "Seed")
    seed = 0 if greedy else state.get("seed")
result = st.container()
below = st.columns((1, 1), gap="large")
rest = st.container()

with result, show_errors():
    tok = engine.tokenizer
    constraint = current_rule()  # its box is drawn below the result
    if source == "text":
        prompt, offer = encoding(tok, state.get("text"), True, True), offer_end
        code = f"ids = lm.encode(tok, {as_code(state.get('text'))}, add_special_tokens=True).input_ids.tolist()"
    elif source == "chat":
        conversation = chat_request()
        show_refusals(conversation)
        prompt = conversation.render(tok, add_generation_prompt=True).encoding
        offer = partial(offer_turns, conversation)
        code = conversation.code(tok, add_generation_prompt=True) + "\nids = chat.encoding.input_ids.tolist()"
    else:
        question = [{"role": "user", "content": state.get("grammar_question")}]
        prompt = lm.render_chat(tok, question, add_generation_prompt=True).encoding
        offer = partial(offer_question, len(prompt))
        code = f"chat = lm.render_chat(tok, {question!r}, add_generation_prompt=True)\n"
        code += "ids = chat.encoding.input_ids.tolist()"
    ids = readable(engine, prompt, offer, reply=n)
    n_free = min(n, N_FREE)
    requests = [
        Request(model, quantization, ids, sampling, n, seed, constraint=constraint),
        Request(model, quantization, ids, sampling, n_free, seed),
    ]
    run, free = written(requests, engine, st.empty())
    for failed in (run, free):
        if failed.failed is not None and not failed.steps:
            raise failed.failed
    steps = run.steps
    picked = state.get("grammar_step")
    finding(facts.constrained_finding(steps, free.steps))
    more = " …" if free.steps[-1].ended_by == "length" else ""
    grammar_view(
        facts.grammar_steps(tok, steps, engine.describe().vocab_rows),
        picked=picked if 0 <= picked < len(steps) else facts.first_picked(steps),
        ending=facts.ending(steps),
        free=free.encoding(tok).text + more,
        free_title="The same prompt without the grammar",
        name=f"{len(steps)} tokens and what the grammar struck out at each",
        key=KEY,
        on_pick=pick,
    )
    for failed in (run, free):
        if failed.failed is not None:
            say_error(failed.failed)
    with below[1]:
        if constraint.kind == "json_schema" and (json_text := facts.parsed(steps)) is not None:
            st.markdown("What `json.loads` reads")
            st.code(json_text, language="json")
        st.caption(facts.renormalized(steps))
    with rest:
        with st.expander("All steps as a table"):
            table = facts.steps_table(tok, steps)
            data_table(table, hide_index=True, width="stretch")
            take_away("constrained", table, {})
        words_here("constrained_decoding", "logit", "greedy")
        reproduce(
            CODE.format(
                model=model, quantization=quantization, prompt=code, sampling=sampling, constraint=constraint,
                n=n, n_free=n_free, seed=seed,
            )
        )  # fmt: skip
with below[0]:
    with st.container(horizontal=True, gap="small", vertical_alignment="center"):
        st.markdown("Examples", width="content")
        examples()
    choose_rule()
