"""Take secrets out of a text before it is kept anywhere: tokens of hubs and of services that are paid for."""

from __future__ import annotations

from lmloupe.diagnose.linear import compiled

__all__ = ["without_secrets"]

# What each begins with is published by its maker; what follows is taken out.
_SECRETS = (
    r"\b(hf_|api_org_)[A-Za-z0-9]{8,}",
    r"\b(sk-(?:ant-|proj-|or-v1-)?|gsk_|r8_|wandb_v1_|pypi-)[A-Za-z0-9_\-]{16,}",
    r"\b(gh[pousr]_|github_pat_|glpat-|xox[abprs]-)[A-Za-z0-9_\-]{10,}",
    r"\b(AKIA|ASIA|AIza)[A-Za-z0-9_\-]{12,}",
    r"(?i)(\bauthorization[\"']?\s*[:=]\s*[\"']?(?:bearer|basic)\s+)[A-Za-z0-9._~+/=\-]{8,}",
    r"(?i)(\b(?:[a-z0-9_]*(?:api_key|apikey|_token|secret|password|passwd))[\"']?\s*[:=]\s*[\"'])[A-Za-z0-9_\-+/=.]{16,}",
)


def without_secrets(text: str) -> str:
    """The text with what looks like a token, a key or a password taken out; an ellipsis stands in its place.

    What is published as a prefix stays, so that one sees what it was. Linear in the text (RE2).

    >>> without_secrets("login(token='hf_aBcDeFgHiJkLmNoPqRsTuVwXyZ')")
    "login(token='hf_…')"
    """
    data = text.encode("utf-8")
    for pattern in _SECRETS:
        data = compiled(pattern).sub("\\1…".encode(), data)
    return bytes(data).decode("utf-8")
