"""The lines of Python that give the numbers of the page."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import lmloupe as lm
from ui.chat.request import ChatRequest
from ui.chat.talk.replies import Made

__all__ = ["code"]

CODE = """
import lmloupe as lm

engine = lm.load_engine({model!r}, quantization={quantization!r})
tok = engine.tokenizer
messages = {messages!r}
tools = {tools!r}
variables = {variables!r}
template = {template}  # None: the tokenizer's own
replies = {replies!r}  # the ids that the model wrote, by their turn from 0
stops = lm.stop_tokens(tok, tools, template, variables, generation_ids=engine.describe().stop_ids)
print("a reply ends at", [(stop.token_id, stop.content, stop.sources) for stop in stops.tokens])
found = lm.exchanges(tok, messages, replies, tools, template, variables)
for one in found:
    print(
        f"turn {{one.message + 1}}: {{one.n_prompt}} tokens, {{one.n_reused}} in the cache, {{one.n_read}} read,",
        f"{{len(one.reply_ids)}} written; the same ids again: {{one.comes_back}}",
    )
{again}"""
REUSE = """
# The cache after the reply before, cropped to what the last prompt begins with, and gone on from there
reuse = engine.reuse_cache(found[-2].ids[:-1], found[-1].prompt.encoding.input_ids)
print(f"{{reuse.n_shared}} tokens are the same, {{reuse.n_kept}} come from the cache, {{reuse.n_read}} are read")
"""
AGAIN = """
# Turn {turn}, written again
one = next(one for one in found if one.message == {place})
prompt = one.prompt.encoding.input_ids.tolist() + {forced!r}
sampling = lm.{sampling!r}
steps = list(engine.generate(prompt, sampling, {most}, {seed}, stop_ids={stops!r}))
print({forced!r} + [step.token_id for step in steps], steps[-1].ended_by)
"""


def code(
    request: ChatRequest,
    tok: lm.Tokenizer,
    found: Sequence[lm.Exchange],
    made: Mapping[int, Made],
    model: str,
    quantization: lm.Quantization,
) -> str:
    """The conversation request by request, and the last reply that the model on the screen wrote, once more."""
    again = ""
    for one in found:
        how = made.get(one.message)
        if how is not None and (how.model, how.quantization) == (model, quantization):
            again = AGAIN.format(
                turn=one.message + 1, place=one.message, forced=list(how.ids[: how.forced]), sampling=how.sampling,
                most=how.most if how.ended != "stopped" else len(how.ids) - how.forced, seed=how.seed, stops=how.stops,
            )  # fmt: skip
    return CODE.format(
        model=model,
        quantization=quantization,
        messages=request.messages,
        tools=request.tools,
        variables=request.variables,
        template=request.template_in_code(tok),
        replies={place: list(how.ids) for place, how in made.items()},
        again=again + (REUSE.format() if len(found) > 1 else ""),
    )
