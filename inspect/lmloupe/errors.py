"""Everything LM Loupe raises on purpose.

    LoupeError
    ├── InputError (also a ValueError)     what the caller passed cannot be used
    │   ├── InvalidTextError               not encodable text, such as a lone surrogate
    │   ├── InvalidIdError                 an id outside the vocabulary
    │   ├── InvalidSettingError            a sampling or display setting outside its range
    │   ├── InvalidMessagesError           a conversation that no template could render
    │   └── ContextLengthError             more tokens than the model's context holds
    ├── TemplateError                      a chat template that failed while rendering
    │   ├── NoChatTemplateError            a tokenizer that has no chat template
    │   └── TemplateTimeoutError           a template that did not end in time and was stopped
    ├── NotFiniteError                     a model whose scores are no numbers, such as a broken quantization
    └── LoadError                          a tokenizer or a model that could not be loaded
        ├── SourceNotFoundError            no such hub id, revision or folder
        ├── GatedError                     the hub wants an accepted licence or a login
        ├── UnreachableError               the hub or package index did not answer
        ├── UnsafeWeightsError             only pickled weights, which could run code
        ├── UnsupportedError               loaded, but not something LM Loupe can inspect
        │   └── TokenizerTimeoutError      a tokenizer that is not embedded did not answer in time
        └── FetchError                     the embedded model could not be fetched or converted

Every message is one or two sentences: what was wrong, with which value, and what to do.
The pages show ``str(error)`` as it is, so no message holds markup, a secret or a stack trace.
"""

from __future__ import annotations

__all__ = [
    "ContextLengthError",
    "FetchError",
    "GatedError",
    "InputError",
    "InvalidIdError",
    "InvalidMessagesError",
    "InvalidSettingError",
    "InvalidTextError",
    "LoadError",
    "LoupeError",
    "NoChatTemplateError",
    "NotFiniteError",
    "SourceNotFoundError",
    "TemplateError",
    "TemplateTimeoutError",
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


class ContextLengthError(InputError):
    """The text has more tokens than the model was built to read at once."""


class TemplateError(LoupeError):
    """A chat template failed; the message carries the template's own words and line."""


class NoChatTemplateError(TemplateError):
    """The tokenizer has no chat template: it belongs to a base model."""


class NotFiniteError(LoupeError):
    """The model's scores are NaN or infinite, so nothing that follows from them would be true."""


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
    """The thing exists but LM Loupe cannot inspect it (no language-model head, no fast tokenizer)."""


class TokenizerTimeoutError(UnsupportedError):
    """A tokenizer of the hub, a folder or a file did not answer in time, as one whose pattern backtracks for ever."""


class FetchError(LoadError):
    """The embedded model could not be fetched or converted."""
