"""Write the notebooks of examples/ from the cells below, or with --check only compare. Their outputs are left out."""

from __future__ import annotations

import sys
from pathlib import Path

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT))

from ui.notebooks.cells import Cell, code, notebook, prose  # noqa: E402
from ui.notebooks.install import install_cell  # noqa: E402

EXAMPLES: dict[str, list[Cell]] = {
    "tokenizers_side_by_side": [
        prose("""
# One text, five tokenizers

The tokenizers of Llama 3.1, Phi-3, Qwen2, StarCoder2 and SmolLM2 are part of LM Loupe: no download, no account.
Any other one loads by its name on the hub, or from a folder: `lm.load_tokenizer("google/gemma-2-2b")`."""),
        install_cell(),
        code("""
import lmloupe as lm

text = "Coconut milk costs 4.50 €, and ကော်ဖီ (coffee) 2.80 €."
encodings = {name: lm.encode(lm.load_tokenizer(name), text) for name in lm.embedded_tokenizers()}
for name, enc in encodings.items():
    print(f"{name:>10}: {len(enc)} tokens  {' · '.join(token.piece for token in enc.tokens)}")"""),
        prose("""
The same text costs each model another number of tokens, and the two words in Burmese most of them."""),
        code("""
import plotly.graph_objects as go

figure = go.Figure(go.Bar(x=list(encodings), y=[len(enc) for enc in encodings.values()]))
figure.update_layout(title="Tokens of the same text", yaxis_title="tokens")
figure.show()"""),
        prose("""
## Why a word is cut so

Byte-pair encoding joins two neighbours at a time, the pair that comes first in its list of merges. Where do
Llama 3.1 and Phi-3 part?"""),
        code("""
llama, phi = (lm.load_tokenizer(name) for name in ("llama-3.1", "phi-3"))
for step in lm.merge_steps(llama, "coconut").steps:
    print(step)
print(lm.compare_merges(llama, phi, "coconut").fork)"""),
        prose("""
## Line by line

The share of token boundaries that two tokenizers have in common, for a text of several lines."""),
        code("""
program = "def area(radius):\\n    return 3.14159 * radius ** 2\\n\\nprint(area(2))\\n"
first, second = (lm.encode(tok, program) for tok in (llama, phi))
found = lm.compare_lines(first, second)
print(f"{len(first)} and {len(second)} tokens; boundaries in common: {found.agreement:.0%}")
for line in found.different.tolist():
    print(line + 1, repr(found.line(line)), found.ids(0, line).tolist(), found.ids(1, line).tolist())"""),
        prose("""
## A special token is spelled exactly so

`<|begin_of_text|>` is one token, `<beginOfText>` is letters."""),
        code("""
for spelled in ("<|begin_of_text|>", "<beginOfText>"):
    print(spelled, lm.encode(llama, spelled).input_ids.tolist())"""),
    ],
    "chat_templates_and_loss_mask": [
        prose("""
# A chat is one string

A model reads no conversation: its family's chat template writes all turns into one string of special tokens."""),
        install_cell(),
        code("""
import lmloupe as lm

messages = [
    {"role": "system", "content": "You answer in one short sentence."},
    {"role": "user", "content": "What is the capital of France?"},
    {"role": "assistant", "content": "The capital of France is Paris."},
    {"role": "user", "content": "And of Japan?"},
]
families = [name for name in lm.embedded_tokenizers() if lm.load_tokenizer(name).chat_template]
chats = {
    name: lm.render_chat(lm.load_tokenizer(name), messages, add_generation_prompt=True) for name in families
}
for name, chat in chats.items():
    print(f"--- {name}, {len(chat.encoding)} tokens\\n{chat.text}\\n")"""),
        prose("""
## What a model is trained on

In instruction tuning only the assistant's own tokens count, and the token that ends its turn. That is the
loss mask."""),
        code("""
chat = chats["llama-3.1"]
for token, trained in zip(chat.encoding.tokens, chat.assistant_mask):
    print("trains" if trained else "      ", repr(token.text))"""),
        code("""
import plotly.graph_objects as go

share = {name: float(chat.assistant_mask.mean()) for name, chat in chats.items()}
figure = go.Figure(go.Bar(x=list(share), y=list(share.values())))
figure.update_layout(title="Share of the tokens that train", yaxis_tickformat=".0%")
figure.show()"""),
        prose("""
## What a template drops without a word

A tool is given, and three of four families write nothing of it."""),
        code("""
tool = {
    "type": "function",
    "function": {
        "name": "get_weather",
        "description": "The weather in a city.",
        "parameters": {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]},
    },
}
for name in families:
    chat = lm.render_chat(lm.load_tokenizer(name), messages, [tool])
    print(name, "drops", [part.words for part in chat.dropped_parts if part.matters])"""),
        prose("""
## The two mistakes that people make most

A second begin-of-text token, and no request for a reply."""),
        code("""
tok = lm.load_tokenizer("llama-3.1")
text = lm.render_chat(tok, messages).text
for found in lm.diagnose(text):
    print(found.means, "->", found.after)
print("doubled:", lm.doubled_bos(lm.encode(tok, text, add_special_tokens=True)))"""),
        prose("""
## What ends a reply, and whether a server can keep its cache"""),
        code("""
for name in families:
    tok = lm.load_tokenizer(name)
    ends = [stop.content for stop in lm.stop_tokens(tok).tokens]
    stable = lm.prefix_stability(tok, messages).is_stable
    print(f"{name:>10} ends with {ends}; each prompt begins the next: {stable}")"""),
    ],
    "next_token_lens_and_quantization": [
        prose("""
# Inside a small model

SmolLM2-135M-Instruct comes by itself (93 MB, fetched once). Any causal language model of the hub loads by
its name."""),
        install_cell(),
        code("""
import numpy as np

import lmloupe as lm

engine = lm.load_engine("smollm2-135m-instruct", quantization="none")
tok, text = engine.tokenizer, "The capital of France is"
answer = engine.next_token(text)
stages = lm.sampling_stages(answer.logits, lm.Sampling(temperature=0.7, top_p=0.9), answer.input_ids)
for stage in stages:
    print(f"{stage.name:>12}: {int(stage.kept.sum()):,} tokens are left, entropy {stage.entropy_bits:.2f} bits")"""),
        code("""
import plotly.graph_objects as go

probs = np.exp(answer.logits - answer.logits.max())
probs /= probs.sum()
best = np.argsort(-probs)[:12]
figure = go.Figure(go.Bar(x=[tok.piece(int(i)) for i in best], y=probs[best]))
figure.update_layout(title=f"What comes after: {text}", yaxis_tickformat=".0%")
figure.show()"""),
        prose("""
## From which layer on is it the first guess?

The logit lens reads the output matrix after every layer; row 0 is the embedding."""),
        code("""
lens = engine.logit_lens(text, top_k=1)
for layer, (token_id, log_prob) in enumerate(zip(lens.token_ids[:, -1, 0], lens.log_probs[:, -1, 0])):
    print(f"{layer:>2}  {tok.piece(int(token_id))!r:<14} {np.exp(log_prob):.1%}")"""),
        prose("""
## Sixteen levels a weight

The first 64 weights of one matrix in nf4, by hand: one scale, 64 numbers from 0 to 15."""),
        code("""
block = lm.quantization_block(engine, "model.layers.0.mlp.gate_proj", 0, 0, "nf4")
print("scale", block.absmax)
print("codes", block.codes.tolist())
print("largest error", float(np.abs(block.errors).max()))"""),
        code("""
figure = go.Figure()
figure.add_trace(go.Scatter(y=block.values, mode="markers", name="weight"))
figure.add_trace(go.Scatter(y=block.back, mode="markers", name="read back from nf4"))
figure.update_layout(title="One block of 64 weights")
figure.show()"""),
        prose("""
## What would it take on a card?

Before anything is loaded: Llama 3.1 8B on a T4."""),
        code("""
for precision in ("bfloat16", "int8", "nf4"):
    plan = lm.memory_plan("llama-3.1-8b", precision, context=8192, sequences=1, device_kind="cuda")
    print(f"{precision:>9}: {plan.total_bytes / 2**30:.2f} GiB, fits a T4: {plan.fits('t4')}")"""),
    ],
}  # fmt: skip
"""Cells by the name of the file."""


def main() -> None:
    """Write the files, or compare them."""
    folder = ROOT / "examples"
    folder.mkdir(exist_ok=True)
    for name, cells in EXAMPLES.items():
        path, made = folder / f"{name}.ipynb", notebook(cells)
        if "--check" in sys.argv:
            if not path.exists() or path.read_bytes() != made:
                raise SystemExit(f"{path.name} differs: run python scripts/build_examples.py")
        else:
            path.write_bytes(made)


if __name__ == "__main__":
    main()
