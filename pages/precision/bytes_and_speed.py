"""Bytes and speed: what each precision takes in memory, and how fast it reads and writes on this machine."""

from __future__ import annotations

import streamlit as st

from ui.bar.bar import page_bar
from ui.base.downloads import take_away
from ui.base.errors import escape_markdown, show_errors
from ui.base.glossary.tables import data_table
from ui.model.choice import choose_model
from ui.model.transformers_code import loading_code
from ui.page import finding, reproduce, words_here
from ui.precision.speed.view import OFFERED, draw_bars, measurement, predicted, say_how, show_job, speed_table, start
from ui.precision.speed.words import bytes_finding, reasons, speed_finding
from ui.state import store as state

CODE = """
import lmloupe as lm

engine = lm.load_engine({model!r})
predicted = list(lm.predicted_weights(engine, {precisions!r}))
for one in predicted:
    print(one.precision.spec, one.total, one.footprint)
"""
MEASURED = """
report = lm.measure_speed(engine, {precisions!r}, prompt_tokens={prompt}, new_tokens={new}, rounds={rounds})
for row in report.rows:
    print(row.precision.spec, row.prefill_per_s, row.decode_per_s, row.bytes_per_s / 1e9)
"""
ALONE = """
# The footprint with transformers alone
{loading}
print("footprint", model.get_memory_footprint())
"""

bar = page_bar("speed")
model, _, engine = choose_model(bar, "none")

with show_errors():
    described = engine.describe()
    precisions = tuple(state.get("speed_precisions"))
    prompt, new, rounds = (state.get(name) for name in ("speed_prompt", "speed_tokens", "speed_rounds"))
    found = predicted(engine, f"{model} on {described.device}", precisions)
    asked = (model, precisions, prompt, new, rounds)
    one = measurement(asked, start=False)
    report = None if one is None else one.latest
    measured = None if report is None or not any(len(row.prefill_s) for row in report.rows) else report
    finding(bytes_finding(found) if measured is None else speed_finding(measured))
    draw_bars(found, report)
    if one is None:
        st.button(
            "Measure speed here",
            type="primary",
            icon=":material/speed:",
            on_click=start,
            args=(asked,),
            help="Loads the model in each precision and times it; everybody on this server sees the result.",
        )
    else:
        show_job(one)
        with show_errors():
            one.result()
    if measured is not None:
        say_how(measured)
        st.header("Why it is so", anchor=False)
        st.markdown("\n".join(f"- {escape_markdown(sentence)}" for sentence in reasons(measured)))
    st.header("What is measured", anchor=False)
    with st.container(horizontal=True, gap="medium"):
        state.slider("speed_prompt", "Prompt, tokens", help="Read at once, as before the first word of a reply.")
        state.slider("speed_tokens", "Written, tokens", help="Read one by one from the cache, as a reply is written.")
        state.slider("speed_rounds", "Rounds", help="The median of them is the bar.")
    state.multiselect("speed_precisions", "Precisions", OFFERED)
    st.caption(
        "Only the matrices of the layers are stored in fewer bits. The embedding, the output matrix and the norms stay "
        "plain floating-point numbers, so a model in 4 bits is larger than an eighth of the one in float32. "
        "Constants are the scales of quantized weights and their tables of levels. transformers' "
        "get\\_memory\\_footprint() leaves them out, and so do numbers that courses print. On a CPU the memory of the "
        "process is not shown: it counts mapped files and free blocks too."
    )
    table = speed_table(found, report)
    data_table(table, hide_index=True, width="stretch")
    take_away("speed", table, {})
    code = CODE.format(model=model, precisions=list(precisions))
    if measured is not None:
        code += MEASURED.format(precisions=list(precisions), prompt=prompt, new=new, rounds=rounds)
    words_here("prefill", "decode", "precision")
    reproduce(code + ALONE.format(loading=loading_code(described, [])))
