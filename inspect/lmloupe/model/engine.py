"""The questions that a loaded model answers, wherever it runs: one protocol, and nothing that imports torch.

`lmloupe.model.local` answers them in this process; another engine could answer them from a cluster, with this list to
implement. Answers are NumPy arrays and frozen dataclasses, reduced where the tensors are. Each room beside this module
has its questions' answers: their dataclasses in ``results``, the functions that compute them in ``answers``:

- ``cache``: what the model keeps of a text between two tokens, and what that saves; its questions are there too.
- ``architecture``: how the model is built. A comparison of precisions asks two engines, from a room above this one.
- ``embeddings``: rows of the input and the output matrix.
- ``inside``: what happens to a text between the two; changes to activations (interventions) belong here.
- ``generation``: next tokens, what is written token after token, and batches of steps; its questions are there too.
- ``strategies``: whole texts found otherwise than by one draw after another; its questions are there too.
- ``padding``: prompts in one batch.
- ``levels``: one prompt through transformers' own pipeline, and through tokenizer and model.
- ``gap``: a gap in a sentence, by the left side and by both; and the model that fills masks.

What several rooms need of a pass (a hook, a cache, the worker's thread) is in ``passes`` below them; how a token
is drawn is in ``sampling``, which tokens a grammar allows in ``constrained``.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal, Protocol

import numpy as np
from numpy.typing import NDArray

from lmloupe.encodings.encoding import TextOrIds
from lmloupe.model.architecture.results import Histogram, ModelDescription
from lmloupe.model.cache.questions import CacheQuestions
from lmloupe.model.capabilities import Capabilities
from lmloupe.model.embeddings.results import (
    Indicator,
    Matrix,
    Metric,
    Neighbours,
    Projection,
    ProjectionMethod,
    Undertrained,
)
from lmloupe.model.gap.questions import GapQuestions
from lmloupe.model.generation.questions import GenerationQuestions
from lmloupe.model.inside.results import (
    AttentionSummary,
    AttentionWeights,
    Attribution,
    LensParts,
    LensRows,
    LogitLens,
    Scored,
)
from lmloupe.model.levels.questions import LevelQuestions
from lmloupe.model.padding.questions import PaddingQuestions
from lmloupe.model.strategies.questions import StrategyQuestions
from lmloupe.tokens.tokenizer import Tokenizer

__all__ = ["Engine"]


class Engine(
    StrategyQuestions, GenerationQuestions, CacheQuestions, PaddingQuestions, LevelQuestions, GapQuestions, Protocol
):
    """A causal language model and the questions that it answers. Safe to share between threads.

    A text is encoded with what the tokenizer adds by itself (Llama 3.1: bos), and special tokens in it are read as
    such. For full control pass ids, as with a rendered chat, which has its bos already. Positions count the tokens of
    the text from 0. Layers count from 0 too: states have ``n_layers + 1`` rows, of which row 0 is the embedding.

    Errors that several questions share:

    - A text: `lmloupe.InvalidTextError` without any token, `lmloupe.ContextLengthError` for more tokens than the
      context has room for.
    - Ids: `lmloupe.InvalidIdError` for an id beyond the embedding matrix.
    - A number or name that is out of range (k, top_k, a layer, a position): `lmloupe.InvalidSettingError`.
    - Numbers of the model that are NaN or infinite: `lmloupe.NotFiniteError`.
    - A text that needs more memory than is free: `lmloupe.NotEnoughMemoryError`.
    - A view that the model's build does not give: `lmloupe.NotAvailableError`. States need one stream from block to
      block (DeepSeek-V4 has several), the lens and attribution need a final norm and layers that can be found,
      attention weights a layer that is attention, and ``matrix="output"`` an output matrix of plain numbers.
    """

    @property
    def tokenizer(self) -> Tokenizer:
        """The tokenizer that goes with the model."""

    @property
    def capabilities(self) -> Capabilities:
        """What can be asked here, and why not where it cannot; known without a pass, the same at every call."""

    def describe(self) -> ModelDescription:
        """What is loaded: modules, shapes, dtypes, bytes."""

    def weight_histogram(self, module_name: str, bins: int = 80) -> Histogram:
        """Count the weights of one module, as the model multiplies with them.

        Weights stored in 8 or 4 bits are dequantized by bitsandbytes' own functions. The work is done piece by piece:
        a large matrix needs little memory, and other questions are answered in between.

        Args:
            module_name: a name of `ModelDescription.modules`: its ``weight`` is counted, not its bias. Where it has
                none (a mixture's experts) its first parameter is counted; ask for another by the parameter's own
                path, ``model.layers.0.mlp.experts.down_proj``.
            bins: 1 to 1,000, of equal width between the least and the greatest number.
        """

    def embed(self, ids: Sequence[int] | NDArray[np.integer]) -> NDArray[np.float32]:
        """Rows of the input embedding matrix, float32 (n, embedding_width)."""

    def embedding_norms(self, matrix: Matrix = "input") -> NDArray[np.float32]:
        """Euclidean length of every row, float32 (vocab_rows,); rows without a token are included."""

    def neighbours(
        self,
        id_or_vector: int | NDArray[np.floating],
        k: int = 10,
        metric: Metric = "cosine",
        matrix: Matrix = "input",
        exclude: Sequence[int] = (),
    ) -> Neighbours:
        """The k tokens whose rows are nearest, by one exact scan of the matrix; a token is not its own neighbour.

        Args:
            id_or_vector: a token id, or any vector as wide as the rows.
            k: how many, at least 1; fewer come back where the vocabulary is smaller.
            metric: ``"cosine"``, or ``"dot"`` for the plain product.
            matrix: ``"input"``, or ``"output"`` for the rows that the last state is multiplied with. Both are the same
                rows where the model ties them.
            exclude: ids to leave out. Rows without a token are always left out.
        """

    def analogy(
        self, a_id: int, b_id: int, c_id: int, k: int = 10, metric: Metric = "cosine", matrix: Matrix = "input"
    ) -> Neighbours:
        """Neighbours of row a - row b + row c, the three left out: "a is to b as ? is to c".

        With " king", " man", " woman" the first is often " queen". To leave the three out is usual and flatters the
        method: c or a itself is most often the nearest of all. It fails for most relations other than grammar and
        names (Linzen, "Issues in evaluating semantic spaces using word analogies", 2016) and for words of several
        tokens. Source: Mikolov et al., "Linguistic Regularities in Continuous Space Word Representations" (2013), here
        with the rows at their own length.
        """

    def project(
        self,
        ids: Sequence[int] | NDArray[np.integer] | None = None,
        method: ProjectionMethod = "pca",
        n_dimensions: Literal[2, 3] = 2,
        matrix: Matrix = "input",
        seed: int = 0,
    ) -> Projection:
        """Place the vocabulary, or chosen tokens of it, in two or three dimensions.

        PCA takes the axes along which the rows of all tokens differ most, exactly, from their covariance: chosen ids
        are points of the same picture. t-SNE is computed from the chosen tokens alone.

        Args:
            ids: tokens to place, 5 to 2,000 for t-SNE; None for the whole vocabulary.
            method: ``"pca"`` or ``"tsne"``.
            n_dimensions: 2 or 3.
            matrix: see `neighbours`.
            seed: of t-SNE; PCA draws nothing.
        """

    def undertrained_tokens(
        self,
        k: int = 50,
        indicator: Indicator = "auto",
        kinds: Sequence[str] | None = None,
        known_unused: Sequence[int] | None = None,
    ) -> Undertrained:
        """The k tokens whose rows look least trained: candidates to try in a prompt, not proofs.

        Args:
            k: how many, at least 1.
            indicator: ``"output_cosine"`` or ``"input_norm"``, see `lmloupe.model.embeddings.undertrained`; ``"auto"``
                is the first where unused rows are known, else the second.
            kinds: list tokens of these kinds only, such as ``("text",)``; None for all.
            known_unused: ids of rows known to be unused, to compare with; None to find them in the vocabulary.

        Raises:
            NotAvailableError: no unused row is known and the matrices are tied, or there is no output matrix.
        """

    def score(self, text_or_ids: TextOrIds, top_k: int = 5) -> Scored:
        """Probability, rank and entropy of every token after its prefix, and what was most probable there.

        One pass over the text. A text of a single token gives arrays of length 0.
        """

    def hidden_states(self, text_or_ids: TextOrIds) -> NDArray[np.float32]:
        """States before the first block and after each one, float32 (n_layers + 1, n, width), all in memory at once.

        Row 0 is what the first block reads (the embedding), row i is what block i wrote. The last row is transformers'
        last hidden state: in many models what the final norm wrote. Of the streams side by side of Gemma 3n it is the
        one that its blocks read.
        """

    def contextual_similarity(
        self, text_a: TextOrIds, position_a: int, text_b: TextOrIds, position_b: int
    ) -> NDArray[np.float32]:
        """Cosine of two tokens' hidden states at every layer, float32 (n_layers + 1,).

        The first is that of the embeddings, which is 1 for the same token in any text. `lmloupe.word_positions` finds
        the tokens of a word. One forward pass a text, and one in all for the same text twice.
        """

    def logit_lens(self, text_or_ids: TextOrIds, top_k: int = 10) -> LogitLens:
        """What the model would say after every layer, at every position; see `lmloupe.model.inside.lens`."""

    def lens_rows(
        self,
        text_or_ids: TextOrIds,
        layers: Sequence[int] | None = None,
        positions: Sequence[int] | None = None,
        top_k: int = 10,
        *,
        background: bool = False,
    ) -> LensRows:
        """Chosen rows and positions of the lens, as they are computed.

        Args:
            text_or_ids: the text.
            layers: which rows, in the order in which they are wanted, 0 to ``n_layers``; None for all from 0 up.
            positions: which tokens; None for all. They come back in rising order.
            top_k: how many tokens to keep in each cell, at least 1.
            background: let every other question of anybody go ahead, after the product at hand.

        Returns:
            An iterator of `LensRow` that starts at once and can be polled and closed; NotFiniteError comes out of it.
            The pass over the text is kept (in 256 MB): other rows of the same text need no further pass.
        """

    def lens_parts(self) -> LensParts:
        """Where in the model the lens' final norm and output matrix are, and what is done to its logits."""

    def attention(self, text_or_ids: TextOrIds, layer: int) -> NDArray[np.float32]:
        """Attention weights of one layer, float32 (n_heads, n, n): query head, token that reads, token that is read.

        From a pass with transformers' eager attention. Each row sums to 1, or to less where the model has an attention
        sink: `attention_weights` gives its share too.

        Args:
            text_or_ids: the text.
            layer: 0 to ``n_layers`` - 1, as in transformers' ``attentions``: 0 is the first block, which row 1 of
                `hidden_states` and of `logit_lens` comes out of. The pages call it layer 1.
        """

    def attention_weights(self, text_or_ids: TextOrIds, layer: int) -> AttentionWeights:
        """The weights that `attention` gives, with the share that goes to an attention sink where the model has one."""

    def attention_summary(self, text_or_ids: TextOrIds, cells: int = 24) -> AttentionSummary:
        """Every head of every layer in four numbers and a pattern of at most cells x cells, from one pass.

        The weights are reduced layer by layer. Where those of all layers fit into 64 MB they are kept until the next
        text: `attention_weights` of the same text then needs no pass.

        Args:
            text_or_ids: the text.
            cells: 1 to 64, the side of a pattern; a text with fewer tokens has smaller ones.
        """

    def attribution(self, text_or_ids: TextOrIds, token_id: int, position: int = -1) -> Attribution:
        """What the embedding and each layer's attention and MLP add to a token's logit after a position.

        Negative positions count from the end. See `lmloupe.model.inside.attribution`.
        """
