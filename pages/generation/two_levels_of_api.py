"""Two levels of API: a pipeline, and the same by tokenizer and model."""

from __future__ import annotations

import streamlit as st

from ui.bar.bar import page_bar
from ui.base.downloads import take_away
from ui.base.errors import escape_markdown, show_errors
from ui.base.glossary.tables import data_table
from ui.chat.request import chat_request
from ui.components.level_view import level_view
from ui.generation.levels.views import (
    PREPARED,
    call_words,
    finding_of,
    inputs_code,
    levels,
    settings_words,
    task_table,
    tasks,
    two_levels,
)
from ui.generation.prompt import choose_prompt
from ui.model.choice import choose_model
from ui.model.transformers_code import loading_code
from ui.page import finding, reproduce, words_here
from ui.state import store as state

WAYS = {"greedy": "Greedy", "sampling": "Sampled"}
CODE = """
import lmloupe as lm

engine = lm.load_engine({model!r}, quantization={quantization!r})
{name} = {prompt!r}
found = engine.two_levels({name}, {n}, {temperature!r}, seed={seed})
print(found.same)
print(repr(found.text))

# The same with transformers alone
{loading}from transformers import AutoTokenizer, pipeline

tokenizer = AutoTokenizer.from_pretrained(folder)

# One line
pipe = pipeline("text-generation", model=model, tokenizer=tokenizer)
torch.manual_seed({seed})
returned = pipe({name}, {settings})
print(returned)

# By hand
{inputs}
inputs = inputs.to(model.device)
torch.manual_seed({seed})
output_ids = model.generate(**inputs, {settings})
new_ids = output_ids[0, inputs["input_ids"].shape[1]:]
print(new_ids.tolist())
print(repr(tokenizer.decode(new_ids, skip_special_tokens=True)))
"""
WRONG = """{inputs}
model.generate(inputs)    # {raised}
model.generate(**inputs)  # right: the dict's tensors by their names"""

bar = page_bar("two_levels")
source = state.get("levels_prompt")  # drawn below: the bar of a small projector has no room for it
if source == "question":
    bar.text("levels_question", "Question")
elif source == "text":
    bar.text()
model, quantization, engine = choose_model(bar)
result = st.container()
with st.container(horizontal=True, gap="medium", vertical_alignment="bottom"):
    choose_prompt("levels_prompt")
    way = state.segmented(
        "levels_draw", "Choice of a token", format_func=WAYS.__getitem__,
        help="Greedy takes the most probable token (do_sample=False); sampled draws one (do_sample=True).",
    )  # fmt: skip
    with st.container(width=320):
        state.slider(
            "temperature", "Temperature", step=0.05, disabled=way == "greedy", help="Of the draws; greedy uses none."
        )
    with st.container(width=160):
        seed = state.number_input(
            "seed", "Seed", disabled=way == "greedy", help="torch's generators are set to it before each way."
        )
    with st.container(width=160):
        n = state.number_input("levels_tokens", "Maximum new tokens", help="Both ways stop here, or at an end token.")

code = ""
with show_errors():
    temperature = state.get("temperature") if way == "sampling" else 0.0
    if source == "text":
        prompt = state.get("text")
    else:
        asked = state.get("levels_question")
        prompt = [{"role": "user", "content": asked}] if source == "question" else chat_request().messages
    with result, st.spinner("Running the pipeline, and the same by hand …", show_time=True):
        found = two_levels(model, quantization, prompt, n, temperature, seed)
    with result:
        finding(finding_of(found))
        level_view(
            levels(found, prompt, engine.tokenizer), call=call_words(found), prepared=PREPARED,
            label="Both ways, stage by stage", key="levels",
        )  # fmt: skip
        st.caption(
            f"All values are those of this run, with the installed transformers {found.transformers_version}: its "
            "pipeline was called on this model, and what it held between its steps was written down. ✓: compared with "
            "the values by hand, and equal."
        )
    if found.wrong_call is not None:
        st.subheader(f"Without the two stars: {found.wrong_call.raised[0]}", anchor=False)
        st.code(
            WRONG.format(inputs=inputs_code(prompt), raised=", then ".join(found.wrong_call.raised)),
            language="python",
            wrap_lines=True,
        )
        st.caption(
            "A tokenizer gives a BatchEncoding, a dict with the ids and the attention mask; since transformers 5 so "
            "does apply_chat_template, which used to give the ids alone. generate takes tensors, and asks the dict for "
            "its shape. The two stars hand over its tensors one by one. This is what it raised here, on this model."
        )
    st.subheader("What the pipeline does by itself", anchor=False)
    defaults = settings_words(found.pipeline_defaults) or "nothing"
    st.caption(
        escape_markdown(
            f"Called with no settings, this pipeline would add {defaults}. generate alone adds none of these: it goes "
            "by the model's own generation config. Here both were given "
            f"{settings_words(found.settings)}, so that they do the same."
        )
    )
    described = engine.describe()
    code = CODE.format(
        model=model, quantization=quantization, prompt=prompt, n=n, temperature=temperature, seed=seed,
        loading=loading_code(described, []).rsplit("ids = ", 1)[0], settings=settings_words(found.settings),
        inputs=inputs_code(prompt), name="messages" if found.is_chat else "text",
    )  # fmt: skip

known = tasks()
running = [one for one in known if one.runs == "now"]
st.subheader(
    f"A pipeline knows {len(known)} tasks; {len(running)} of them {'runs' if len(running) == 1 else 'run'} on this "
    "machine now",
    anchor=False,
)
table = task_table(known)
data_table(table, hide_index=True, width="stretch", height=420)
st.caption(
    "Runs now: its packages are installed, and a model for it is on this machine (the embedded one, or in the hub's "
    "cache). Needs a model: everything but a model is here. Read from the registry of the installed transformers."
)
take_away("tasks", table, {})
if code:
    words_here("pipeline", "tokenizer", "tensor", "decode", "greedy")
    reproduce(code)
