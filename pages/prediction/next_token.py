"""Next token: every possible continuation with its probability, and what the sampling settings leave of it."""

from __future__ import annotations

import lmloupe as lm
from ui.bar.bar import page_bar
from ui.base.errors import show_errors
from ui.base.labels import token_label
from ui.base.loaders import encoding, next_token
from ui.components.stage_view import stage_panels, stage_view
from ui.model.choice import choose_model
from ui.model.transformers_code import loading_code
from ui.page import as_code, metrics_row, reproduce
from ui.prediction import next_token_view as view
from ui.prediction.sampling_code import warpers_code
from ui.prediction.sampling_controls import choose_sampling, sampling_presets
from ui.prediction.sampling_frames import best_ids
from ui.state import store as state

N_SHOWN, N_PANEL = 15, 12
CODE = """
import lmloupe as lm

engine = lm.load_engine({model!r}, quantization={quantization!r})
text = {text}
answer = engine.next_token(text)  # .logits float32 ({rows},), one forward pass
sampling = lm.{sampling!r}
for stage in lm.sampling_stages(answer.logits, sampling, answer.input_ids):
    print(stage.name, stage.kept.sum(), stage.removed_mass, stage.entropy_bits)

# The same with transformers alone
{loading}
{warpers}
with torch.inference_mode():
    logits = model(input_ids=torch.tensor([ids], device=model.device)).logits[:, -1].float()
scores = logits
for warper in warpers:
    scores = warper(torch.tensor([ids], device=model.device), scores)
probs = torch.softmax(scores, -1)[0]
for i in torch.topk(logits[0], {n}).indices.tolist():
    print(i, float(probs[i]))
"""

bar = page_bar("next_token")
text = bar.text()
model, quantization, engine = choose_model(bar)
with bar.gear:
    sampling_presets()
    sampling = choose_sampling()

with show_errors():
    tok = engine.tokenizer
    ids = encoding(tok, text, True, True).input_ids
    answer = next_token(model, quantization, tuple(ids.tolist()))
    stages = lm.sampling_stages(answer.logits, sampling, answer.input_ids)
    first, last = stages[0], stages[-1]
    best = best_ids(answer.logits, N_SHOWN).tolist()
    panels = stage_panels(answer.logits, stages, sampling, best[:N_PANEL])
    stage_view(panels, [token_label(tok, i) for i in best[:N_PANEL]], key="stages")
    metrics_row(
        [
            ("Tokens read", f"{len(answer.input_ids):,}"),
            ("Entropy", f"{first.entropy_bits:.2f} bits", "How open the model's choice is: 1 bit is a fair coin."),
            ("After the settings", f"{last.entropy_bits:.2f} bits", "Entropy of what is drawn from."),
            ("Tokens left", f"{int(last.kept.sum()):,}"),
            ("Struck out", f"{first.probs[~last.kept].sum():.1%}", "Probability that the struck-out tokens had."),
        ]
    )
    shown = state.segmented(
        "next_view", "Look closer", format_func=view.VIEWS.__getitem__, help="Other views of the same scores."
    )
    if shown == "best":
        view.show_best(tok, text, answer, stages, best)
    elif shown == "draws":
        view.show_draws(tok, last.probs, N_SHOWN)
    elif shown == "settings":
        view.show_settings(tok, answer, stages, N_SHOWN)
    elif shown == "phrase":
        view.show_phrase(tok, model, quantization, answer)
    elif shown == "vocabulary":
        view.show_vocabulary(model, quantization, answer, stages)
    else:
        view.show_scores(answer)
    reproduce(
        CODE.format(
            model=model,
            quantization=quantization,
            text=as_code(text),
            rows=len(answer.logits),
            sampling=sampling,
            loading=loading_code(engine.describe(), answer.input_ids.tolist()),
            warpers=warpers_code(sampling),
            n=N_SHOWN,
        )
    )
