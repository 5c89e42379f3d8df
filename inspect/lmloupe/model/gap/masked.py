"""A masked language model in this process; what it answers is said in `lmloupe.model.gap.questions`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from lmloupe.encodings.encoding import encode
from lmloupe.errors import InvalidSettingError, InvalidTextError, UnsupportedError
from lmloupe.model.gap.questions import MaskedModel
from lmloupe.model.gap.results import MaskedCandidate, MaskedDescription, MaskedGap
from lmloupe.model.gap.sides import check_candidates, filled
from lmloupe.model.passes.config_sizes import context_length, layer_count
from lmloupe.model.passes.continuation import Reading
from lmloupe.model.passes.loaded import LoadedModel, input_ids
from lmloupe.model.passes.logit_facts import require_finite
from lmloupe.model.passes.reading import errors, probe_ids, rounding_of
from lmloupe.model.passes.worker import is_out_of_memory, worker_for
from lmloupe.names import shown
from lmloupe.tokens.tokenizer import Tokenizer

__all__ = ["LocalMaskedModel"]

MOST_CANDIDATES, MOST_MASKS = 64, 32
_PROBED = 12


class LocalMaskedModel(MaskedModel):
    """A masked LM of transformers in this process. Made by `lmloupe.load_masked_model`.

    Args:
        model: a ``transformers`` masked LM in eval mode, on its device.
        tokenizer: the tokenizer that goes with it.
        name: hub id or folder.
        revision: hub commit, else None.

    Raises:
        UnsupportedError: the tokenizer has no mask token, or the model sees one side of a gap only.
    """

    def __init__(self, model: Any, tokenizer: Tokenizer, *, name: str, revision: str | None) -> None:
        mask_token = tokenizer.named_tokens.get("mask_token", "")
        mask_id = tokenizer.special_tokens.get(mask_token)
        rows = int(model.get_input_embeddings().weight.shape[0])
        if mask_id is None or mask_id >= rows:
            raise UnsupportedError(
                f"The tokenizer of {shown(name)} names no mask token, so there is nothing to put into a gap: choose a "
                "masked language model, such as google-bert/bert-base-uncased."
            )
        device = model.device.type
        limit = _context_length(model)
        self._loaded = LoadedModel(
            name=name,
            model=model,
            tokenizer=tokenizer.for_matrix(rows),
            worker=worker_for(device),
            reading=Reading(None, in_pieces=False),
            n_layers=layer_count(model.config.get_text_config()),
            vocab_rows=rows,
            context_length=limit,
            eos_ids=frozenset(),
        )
        self._loaded.worker.call(lambda: _require_both_sides(name, model, limit))
        parameters = list(model.parameters())
        self._description = MaskedDescription(
            name=name,
            revision=revision,
            architecture=type(model).__name__,
            n_parameters=sum(p.numel() for p in parameters),
            bytes=sum(p.numel() * p.element_size() for p in parameters),
            device=device,
            dtype=str(model.dtype).removeprefix("torch."),
            mask_token=mask_token,
            mask_id=mask_id,
            context_length=limit,
        )

    @property
    def tokenizer(self) -> Tokenizer:
        """As `MaskedModel.tokenizer` says."""
        return self._loaded.tokenizer

    def describe(self) -> MaskedDescription:
        """As `MaskedModel.describe` says."""
        return self._description

    def gap(self, left: str, right: str, candidates: Sequence[str] = ()) -> MaskedGap:
        """As `MaskedModel.gap` says."""
        texts = check_candidates(candidates, MOST_CANDIDATES)
        token, mask_id = self._description.mask_token, self._description.mask_id
        for side in (left, right):
            if mask_id in encode(self.tokenizer, side).input_ids:
                raise InvalidTextError(f"A side of the gap spells {token}, which stands for the gap itself: remove it.")
        ids = input_ids(self._loaded, encode(self.tokenizer, left + token + right, add_special_tokens=True).input_ids)
        places = np.flatnonzero(ids == mask_id)
        if len(places) != 1:
            raise InvalidTextError(f"The tokenizer does not read {token} between these sides as one token.")
        known: dict[tuple[bytes, int], NDArray[np.float32]] = {}
        logits = self._logits(known, ids, int(places[0]))
        scored = tuple(self._candidate(known, left, right, text) for text in texts)
        return MaskedGap(left, right, ids, int(places[0]), logits, scored)

    def _candidate(
        self, known: dict[tuple[bytes, int], NDArray[np.float32]], left: str, right: str, text: str
    ) -> MaskedCandidate:
        whole = filled(self.tokenizer, left, text, right)
        if not 1 <= len(whole.places) <= MOST_MASKS:
            raise InvalidSettingError(
                f"{shown(text)} is {len(whole.places)} tokens in this sentence; a candidate must be 1 to {MOST_MASKS}."
            )
        right_ids = input_ids(self._loaded, whole.input_ids)
        ids = right_ids.copy()
        ids[list(whole.places)] = self._description.mask_id
        found = []
        for place in whole.places:  # from left to right; what has been scored is put in place
            logits = self._logits(known, ids, place)
            own = int(right_ids[place])
            best = logits.max()
            total = best + np.log(np.exp(logits.astype(np.float64) - best).sum())
            found.append(float(logits[own] - total))
            ids[place] = own
        tokens = tuple(right_ids[list(whole.places)].tolist())
        return MaskedCandidate(text, tokens, tuple(found), whole.merges)

    def _logits(
        self, known: dict[tuple[bytes, int], NDArray[np.float32]], ids: NDArray[np.int32], place: int
    ) -> NDArray[np.float32]:
        """The scores at a place of a text, float32 (vocab_rows,), from one pass each."""
        key = (ids.tobytes(), place)
        if key not in known:
            loaded, read = self._loaded, ids.astype(np.int64)

            def forward() -> NDArray[np.float32]:
                rows = torch.from_numpy(read).to(loaded.device)[None]
                at = loaded.model(input_ids=rows, attention_mask=torch.ones_like(rows)).logits[0, place].float()
                require_finite(at.max()[None])
                result: NDArray[np.float32] = at.cpu().numpy()
                return result

            known[key] = loaded.worker.call(forward)
        return known[key]


def _context_length(model: Any) -> int | None:
    """Most tokens that it reads at once. RoBERTa's kind begins to count places behind its padding's."""
    limit = context_length(model.config.get_text_config())
    for name, module in model.named_modules():
        if name.endswith("position_embeddings") and isinstance(module, nn.Embedding) and module.padding_idx is not None:
            return module.num_embeddings - module.padding_idx - 1
    return limit


def _require_both_sides(name: str, model: Any, limit: int | None) -> None:
    """Refuse a model whose scores do not change with what comes later: it fills no gap."""
    n = _PROBED if limit is None else min(_PROBED, limit)
    ids = probe_ids(model, 2 * n)
    text = ids[:, :n]
    other = torch.cat((text[:, : n // 2], ids[:, n : 2 * n - n // 2]), 1)
    try:
        found = [model(input_ids=one, attention_mask=torch.ones_like(one)).logits[0].float() for one in (text, other)]
    except Exception as error:  # whatever a model of another kind says when it is given ids and nothing else
        if is_out_of_memory(error):
            raise
        raise UnsupportedError(
            f"{type(model).__name__} does not read a text of token ids alone ({type(error).__name__}: "
            f"{str(error)[:120]}), so LM Loupe cannot show it. Choose a masked language model of text."
        ) from error
    first = slice(0, n // 2)
    rounding = rounding_of(model.dtype, "none")
    if bool(errors(found[1][first], found[0][first]).mean() <= rounding.same_shape):
        raise UnsupportedError(
            f"{shown(name)} reads from left to right only: other words after a place changed nothing before it, so it "
            "cannot fill a gap by both sides. Load it with load_engine, as the causal model."
        )
