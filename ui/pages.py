"""The pages of the app: one table, from which the front door builds its navigation and every link its target."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["PAGES", "SECTIONS", "Page", "page"]


@dataclass(frozen=True, slots=True)
class Page:
    """One page.

    Attributes:
        url: its address, without a slash; links that people keep use it, so it never changes.
        path: its script, as Streamlit's links name it.
        title: its name in the navigation and on the page.
        icon: the name of its Material symbol.
        section: the heading that it stands under in the navigation.
    """

    url: str
    path: str
    title: str
    icon: str
    section: str

    @property
    def icon_shortcode(self) -> str:
        """The icon as Streamlit's widgets take it."""
        return f":material/{self.icon}:"


PAGES = (
    Page("tokens", "pages/text/tokens.py", "Tokens", "segment", "Text"),
    Page("pipeline", "pages/text/pipeline.py", "Pipeline", "conversion_path", "Text"),
    Page("special", "pages/text/special_tokens.py", "Special tokens", "flag", "Text"),
    Page("vocabulary", "pages/text/vocabulary.py", "Vocabulary", "menu_book", "Text"),
    Page("languages", "pages/text/languages.py", "Languages", "translate", "Text"),
    Page("chat", "pages/chat/chat_template.py", "Chat template", "forum", "Chat"),
    Page("template", "pages/chat/provenance.py", "Provenance", "line_start", "Chat"),
    Page("fim", "pages/chat/fill_in_the_middle.py", "Fill in the middle", "format_ink_highlighter", "Chat"),
    Page("template_cost", "pages/chat/wrong_template.py", "Wrong template", "price_check", "Chat"),
    Page("embeddings", "pages/vectors/embeddings.py", "Embeddings", "grid_on", "Vectors"),
    Page("map", "pages/vectors/vocabulary_map.py", "Vocabulary map", "scatter_plot", "Vectors"),
    Page("contextual", "pages/vectors/static_and_contextual.py", "Static and contextual", "call_split", "Vectors"),
    Page("architecture", "pages/vectors/architecture.py", "Architecture", "account_tree", "Vectors"),
    Page("next_token", "pages/prediction/next_token.py", "Next token", "bar_chart", "Prediction"),
    Page("score", "pages/prediction/text_scored.py", "Text scored", "straighten", "Prediction"),
    Page("layers", "pages/prediction/layers.py", "Layers", "layers", "Prediction"),
    Page("attention", "pages/prediction/attention.py", "Attention", "hub", "Prediction"),
    Page("generate", "pages/prediction/generate.py", "Generate", "play_arrow", "Prediction"),
)
"""All pages in the order of the navigation. The first is the one that the bare address shows."""

SECTIONS = tuple(dict.fromkeys(page.section for page in PAGES))
"""The headings of the navigation, in order."""

_BY_URL = {page.url: page for page in PAGES}


def page(url: str) -> Page:
    """The page at an address.

    >>> page("score").path
    'pages/prediction/text_scored.py'
    """
    return _BY_URL[url]
