"""Everything LM Loupe raises on purpose.

    LoupeError
    ├── InputError (also a ValueError)     what the caller passed cannot be used
    │   ├── InvalidTextError               not encodable text, such as a lone surrogate
    │   ├── InvalidIdError                 an id outside the vocabulary
    │   ├── InvalidSettingError            a sampling or display setting outside its range
    │   ├── InvalidMessagesError           a conversation that no template could render
    │   ├── InvalidConstraintError         a grammar that is malformed, too large, or that nothing satisfies
    │   └── ContextLengthError             more tokens than the model's context holds
    ├── TemplateError                      a chat template that failed while rendering
    │   ├── NoChatTemplateError            a tokenizer that has no chat template
    │   └── TemplateTimeoutError           a template that did not end in time and was stopped
    ├── LoadError                          a tokenizer or a model could not be loaded
    │   ├── SourceNotFoundError            no such hub id, revision or folder
    │   ├── GatedError                     the hub wants an accepted licence or a login
    │   ├── UnreachableError               the hub or package index did not answer
    │   ├── UnsafeWeightsError             only pickled weights, which could run code
    │   ├── UnsupportedError               there, but damaged or not of a kind that LM Loupe loads
    │   ├── LoadTimeoutError               a tokenizer's files were not read in time (also a TokenizerTimeoutError)
    │   └── FetchError                     the embedded model could not be fetched or converted
    ├── QuestionError                      what is loaded cannot answer this question
    │   ├── NotAvailableError              it is built without what the question asks for
    │   ├── TokenizerFailedError           the tokenizers library gave up on this text, or needed too much for it
    │   ├── AnswerTimeoutError             a tokenizer did not answer in time (also a TokenizerTimeoutError)
    │   ├── NotEnoughMemoryError           the answer needs more memory than is free
    │   └── NotFiniteError                 scores that are not numbers, such as a broken quantization
    ├── ClusterError                       a model on a cluster, or the way to it
    │   ├── ClusterBusyError               as many questions wait there as may
    │   ├── ClusterGoneError               nobody there answers
    │   ├── ClusterSizeError               a question or an answer larger than what goes over the wire
    │   ├── ClusterTimeoutError            the answer took longer than a question may
    │   └── ClusterVersionError            another version of LM Loupe or of Ray there
    └── TokenizerTimeoutError              a tokenizer took too long: in loading or in answering, see above

Every message is one or two sentences: what was wrong, with which value, and what to do.
The pages show ``str(error)`` as it is, so no message holds markup, a secret or a stack trace.
"""

from __future__ import annotations

__all__ = [
    "AnswerTimeoutError",
    "ClusterBusyError",
    "ClusterError",
    "ClusterGoneError",
    "ClusterSizeError",
    "ClusterTimeoutError",
    "ClusterVersionError",
    "ContextLengthError",
    "FetchError",
    "GatedError",
    "InputError",
    "InvalidConstraintError",
    "InvalidIdError",
    "InvalidMessagesError",
    "InvalidSettingError",
    "InvalidTextError",
    "LoadError",
    "LoadTimeoutError",
    "LoupeError",
    "NoChatTemplateError",
    "NotAvailableError",
    "NotEnoughMemoryError",
    "NotFiniteError",
    "QuestionError",
    "SourceNotFoundError",
    "TemplateError",
    "TemplateTimeoutError",
    "TokenizerFailedError",
    "TokenizerTimeoutError",
    "UnreachableError",
    "UnsafeWeightsError",
    "UnsupportedError",
]


class LoupeError(Exception):
    """Root of every error that LM Loupe raises on purpose."""


class InputError(LoupeError, ValueError):
    """What the caller passed cannot be used; the message says which value and why."""


class InvalidTextError(InputError):
    """The text is not valid Unicode text (a lone surrogate), so it has no UTF-8 bytes."""


class InvalidIdError(InputError):
    """A token id lies outside the vocabulary."""


class InvalidSettingError(InputError):
    """A setting lies outside the range in which it means something."""


class InvalidMessagesError(InputError):
    """A conversation is not a list of messages with a role and a content."""


class InvalidConstraintError(InputError):
    """A rule for what a model writes is malformed, beyond a limit, or one that no text satisfies."""


class ContextLengthError(InputError):
    """The text has more tokens than the model was built to read at once."""


class TemplateError(LoupeError):
    """A chat template failed; the message carries the template's own words and line."""


class NoChatTemplateError(TemplateError):
    """The tokenizer has no chat template: it belongs to a base model."""


class TemplateTimeoutError(TemplateError):
    """A chat template did not end in time, as one that loops for ever, and was stopped."""


class LoadError(LoupeError):
    """A tokenizer or model could not be loaded."""


class SourceNotFoundError(LoadError):
    """There is no such embedded key, hub id, revision or folder."""


class GatedError(LoadError):
    """The hub gives this repository only to accounts that accepted its licence."""


class UnreachableError(LoadError):
    """The hub or the package index did not answer."""


class UnsafeWeightsError(LoadError):
    """The weights exist only in pickled form, which can run code when it is opened."""


class UnsupportedError(LoadError):
    """It exists, but cannot be loaded: damaged, or of a kind that LM Loupe does not show (no fast tokenizer, no causal
    language model).
    """


class TokenizerTimeoutError(LoupeError):
    """A tokenizer that is not embedded took too long, as one whose pattern backtracks for ever.

    Raised as `LoadTimeoutError` or as `AnswerTimeoutError`.
    """


class LoadTimeoutError(LoadError, TokenizerTimeoutError):
    """The files of a tokenizer could not be read in time."""


class FetchError(LoadError):
    """The embedded model could not be fetched or converted."""


class QuestionError(LoupeError):
    """The model or tokenizer is loaded and the input is valid, but this question has no answer."""


class NotAvailableError(QuestionError):
    """The model or tokenizer is built without what the question asks for, such as merges."""


class TokenizerFailedError(QuestionError):
    """The tokenizers library gave up on a text, or needed more memory for it than it gets."""


class AnswerTimeoutError(QuestionError, TokenizerTimeoutError):
    """A tokenizer of the hub, a folder or a file did not answer in time."""


class NotEnoughMemoryError(QuestionError):
    """The answer needs more memory than the GPU or this machine has left."""


class NotFiniteError(QuestionError):
    """The model's scores are NaN or infinite, so nothing that follows from them would be true."""


class ClusterError(LoupeError):
    """A model on a cluster did not answer; the same question of a model in this process would have."""


class ClusterBusyError(ClusterError):
    """As many questions wait on the cluster as may: ask again in a moment."""


class ClusterGoneError(ClusterError):
    """Nobody on the cluster answers, or no cluster is there."""


class ClusterSizeError(ClusterError):
    """A question or an answer is larger than what goes to or from a cluster at once."""


class ClusterTimeoutError(ClusterError):
    """The answer took longer than a question to a cluster may."""


class ClusterVersionError(ClusterError):
    """The cluster has another version of LM Loupe or of Ray, so that the two do not understand each other."""


for _name in __all__:  # a traceback names an error as callers do: lmloupe.InputError
    globals()[_name].__module__ = "lmloupe"
