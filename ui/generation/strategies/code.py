"""The Python that prints the numbers of Strategies: ours, then transformers' own where it has the strategy."""

from __future__ import annotations

from collections.abc import Sequence

import lmloupe as lm
from ui.generation.strategies.asked import Asked
from ui.model.transformers_code import loading_code

__all__ = ["strategies_code"]

_CODE = """
import numpy as np
import lmloupe as lm

engine = lm.load_engine({model!r}, quantization={quantization!r})
tok = engine.tokenizer
{prompt}
texts = {{}}
{ours}
for name, text in texts.items():
    log_probs = engine.score([*ids, *text]).log_probs[-len(text) :]
    log2_p = float(log_probs.sum()) / np.log(2)
    pairs = list(zip(text, text[1:]))
    distinct = len(set(text)) / len(text), len(set(pairs)) / max(1, len(pairs))
    print(name, len(text), log2_p, log2_p / len(text) ** {penalty!r}, *distinct)
    print(repr(lm.spell(tok, text).text))
"""
_THEIRS = """
# The same with transformers alone
{loading}
prompt = torch.tensor([ids], device=model.device)
options = dict(attention_mask=torch.ones_like(prompt), max_new_tokens={n}, do_sample=False,
               eos_token_id={stops}, pad_token_id={pad})
{theirs}"""


def strategies_code(
    rows: Sequence[Asked], engine: lm.Engine, prompt: str, ids: Sequence[int], length_penalty: float
) -> str:
    """Lines that print the numbers of these strategies."""
    if not rows:
        return "# Choose a strategy first"
    first, tok = rows[0], engine.tokenizer
    ours = "\n".join(_ours(asked) for asked in rows)
    code = _CODE.format(
        model=first.model, quantization=first.quantization, prompt=prompt, ours=ours, penalty=float(length_penalty)
    )
    theirs = [line for asked in rows if (line := _theirs(asked))]
    if not theirs:
        return code
    eos = tok.special_tokens.get(tok.eos_token or "")
    stops = sorted({*engine.describe().stop_ids, *(() if eos is None else (eos,))})
    pad = stops[0] if stops else 0
    return code + _THEIRS.format(
        loading=loading_code(engine.describe(), ids), n=first.n, stops=stops or None, pad=pad, theirs="\n".join(theirs)
    )


def _ours(asked: Asked) -> str:
    name, n = asked.name, asked.n
    if asked.strategy == "beam":
        return (
            f"*_, last = engine.beam_search(ids, {asked.num_beams}, {n}, length_penalty={asked.length_penalty!r}, "
            f"early_stopping={asked.early_stopping!r})\n"
            f"texts[{name!r}] = last.finished[0].token_ids.tolist()\n"
            "for found in last.finished:\n"
            "    print(found.score / np.log(2), found.token_ids.tolist())"
        )
    if asked.strategy == "contrastive":
        call = f"engine.contrastive_search(ids, {asked.penalty_alpha!r}, {asked.top_k}, {n})"
        return f"texts[{name!r}] = [step.token_id for step in {call}]"
    sampling = f"lm.{asked.sampling!r}"
    if asked.drafting is not None:
        call = (
            f"engine.speculate(ids, {asked.drafting.code}, sampling={sampling}, max_new_tokens={n}, seed={asked.seed})"
        )
        return (
            f"passes = list({call})\n"
            f"texts[{name!r}] = [token.token_id for step in passes for token in step.tokens]\n"
            "found = lm.speculation_totals(passes)\n"
            'print("acceptance", found.acceptance, "mean length", found.mean_length, "passes", found.n_passes)'
        )
    return f"texts[{name!r}] = [step.token_id for step in engine.generate(ids, {sampling}, {n}, seed={asked.seed})]"


def _theirs(asked: Asked) -> str:
    """The call of transformers' own; empty where it has none, or draws with other random numbers."""
    if asked.strategy == "greedy":
        return 'print("greedy", model.generate(prompt, **options)[0, len(ids) :].tolist())'
    if asked.strategy == "beam" and asked.num_beams > 1:
        return (
            f"found = model.generate(prompt, num_beams={asked.num_beams}, num_return_sequences={asked.num_beams},\n"
            f"                       length_penalty={asked.length_penalty!r},\n"
            f"                       early_stopping={asked.early_stopping!r},\n"
            "                       return_dict_in_generate=True, output_scores=True, **options)\n"
            "for text, score in zip(found.sequences, found.sequences_scores):\n"
            '    print("beam", float(score) / np.log(2), text[len(ids) :].tolist())'
        )
    greedy = asked.sampling == lm.Sampling(temperature=0)
    if asked.strategy == "prompt_lookup" and asked.drafting is not None and greedy:
        return (
            f"found = model.generate(prompt, prompt_lookup_num_tokens={asked.drafting.n_draft},\n"
            f"                       max_matching_ngram_size={asked.drafting.max_ngram}, **options)\n"
            'print("prompt lookup", found[0, len(ids) :].tolist())'
        )
    return ""
