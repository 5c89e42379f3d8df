"""The lines of Python that give the numbers of the page Precision."""

from __future__ import annotations

import lmloupe as lm
from ui.model.transformers_code import MAX_IDS
from ui.precision.compare.question import Question

__all__ = ["comparison_code"]

_CODE = """
import lmloupe as lm

ids = {ids}
report = lm.compare_quantizations(
    {model!r}, ids, {precisions!r}, baseline={baseline!r}, max_new_tokens={n_tokens}
)
for one in report.results:
    print(one.precision.spec, one.mean_kl_bits, one.median_kl_bits, one.p99_kl_bits, one.changed_top_share)
    print(one.first_flip, one.ln_ppl_ratio, one.mean_probability_change, one.rms_probability_change, one.perplexity)
    print(one.error_by_layer.max(), one.continuation_ids.tolist())
"""


def comparison_code(described: lm.ModelDescription, question: Question, shown: lm.Precision) -> str:
    """Code that prints the statistics, and those of the precision that is shown with transformers alone."""
    ids = repr(list(question.ids))
    if len(question.ids) > MAX_IDS:
        ids = 'list(map(int, open("ids.txt").read().split()))  # save the ids of the table there first'
    return _CODE.format(
        ids=ids, model=question.model, precisions=list(question.precisions), baseline=question.baseline,
        n_tokens=question.n_tokens,
    )  # fmt: skip
