"""The pages of the app: one table, from which the front door builds its navigation and every link its target."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["MOVED", "PAGES", "SECTIONS", "Page", "page"]


@dataclass(frozen=True, slots=True)
class Page:
    """One page.

    Attributes:
        url: its address, without a slash; links that people keep use it, so one that changes goes into `MOVED`.
        path: its script, as Streamlit's links name it.
        title: its name in the navigation and on the page.
        icon: the name of its Material symbol.
        section: the heading that it stands under in the navigation.
        look_for: one or two sentences for somebody who sees the page for the first time.
    """

    url: str
    path: str
    title: str
    icon: str
    section: str
    look_for: str

    @property
    def icon_shortcode(self) -> str:
        """The icon as Streamlit's widgets take it."""
        return f":material/{self.icon}:"


# fmt: off
PAGES = (
    Page("start", "pages/learn/from_a_word_to_an_answer.py", "From a word to an answer", "home", "Learn",
         "Scroll: nine figures lead from a word to an answer. Guess before each one shows what really happens."),
    Page("lessons", "pages/learn/lessons.py", "Lessons", "school", "Learn",
         "Guess first, then look. Which lesson answers a question that you have had?"),
    Page("class", "pages/learn/a_class.py", "A class", "groups", "Learn",
         "Everybody guesses at once, on a phone, and sees what the others thought. Start one, or join with its code."),
    Page("words", "pages/learn/words.py", "Words", "dictionary", "Learn",
         "The words of the field, each with an example that opens. Which one have you only nodded at until now?"),
    Page("diagnose", "pages/learn/diagnose.py", "Diagnose", "troubleshoot", "Learn",
         "Paste an error, a warning, a prompt or a config. What does it mean, and which line has to change?"),
    Page("tokens", "pages/text/tokens.py", "Tokens", "segment", "Text",
         "Each box is one token. Where do the rows disagree? Click a box to see why it is cut there."),
    Page("overview", "pages/text/overview.py", "Overview", "timeline", "Text",
         "One token on its way from the text to the prediction. Click a name on the left to open its page."),
    Page("compare", "pages/text/compare_files.py", "Compare files", "compare", "Text",
         "One file as two tokenizers cut it, line by line. Press N: where is the next line that they cut differently?"),
    Page("how_it_splits", "pages/text/how_it_splits.py", "How it splits", "conversion_path", "Text",
         "Follow one text through the four steps, then press play: at which merge do the two tokenizers part?"),
    Page("special", "pages/text/special_tokens.py", "Special tokens", "flag", "Text",
         "Magenta boxes are control tokens. What happens when a person types one?"),
    Page("vocabulary", "pages/text/vocabulary.py", "Vocabulary", "menu_book", "Text",
         "All tokens that a model knows. Search for a word that you use every day."),
    Page("languages", "pages/text/languages.py", "Languages", "translate", "Text",
         "The same sentences, counted in tokens. How far to the right is your own language?"),
    Page("chat", "pages/chat/chat_template.py", "Chat template", "forum", "Chat",
         "A model reads one string, not a conversation. Change a message and watch the string grow."),
    Page("template", "pages/chat/template_line_by_line.py", "Template, line by line", "line_start", "Chat",
         "Point at a part of the prompt to see the line of the template that wrote it."),
    Page("fim", "pages/chat/fill_in_the_middle.py", "Fill in the middle", "format_ink_highlighter", "Chat",
         "Three special tokens ask a code model to fill a gap. Which side of the gap does it read last?"),
    Page("wrong_format", "pages/chat/the_wrong_format.py", "The wrong format", "price_check", "Chat",
         "The same conversation in other families' formats. How much harder does the answer become to predict?"),
    Page("embeddings", "pages/vectors/embeddings.py", "Embeddings", "grid_on", "Vectors",
         "An id picks one row of numbers, and the layers read nothing else. Which tokens have a similar row?"),
    Page("map", "pages/vectors/vocabulary_map.py", "Vocabulary map", "scatter_plot", "Vectors",
         "Each point is a token. Which tokens lie together, and why?"),
    Page("three_meanings", "pages/vectors/one_word_three_meanings.py", "One word, three meanings", "call_split",
         "Vectors", "One word starts as the same vector in every sentence. From which layer on do the meanings part?"),
    Page("architecture", "pages/vectors/architecture.py", "Architecture", "account_tree", "Vectors",
         "The larger the box, the more weights it has. Where does this model keep most of them?"),
    Page("next_token", "pages/prediction/next_token.py", "Next token", "bar_chart", "Prediction",
         "The bars are the model's guesses for what comes next. What does temperature do to them?"),
    Page("surprise", "pages/prediction/surprise.py", "Surprise", "straighten", "Prediction",
         "The stronger the colour, the less the model expected the token. What surprised it most?"),
    Page("layers", "pages/prediction/layers.py", "Layers", "layers", "Prediction",
         "Each row is one layer's best guess, from the embedding up. At which layer does the answer appear?"),
    Page("masked", "pages/prediction/masked_and_causal.py", "Masked and causal", "format_color_text", "Prediction",
         "A gap in a sentence. Change what comes after it: does the model's guess change?"),
    Page("attention", "pages/prediction/attention.py", "Attention", "hub", "Prediction",
         "Each square is one head. Find one that looks at the token before, and one that rests on the first token."),
    Page("generate", "pages/generation/generate.py", "Generate", "play_arrow", "Generation",
         "The prompt is read at once, then the reply is written one token at a time. What else could it have said?"),
    Page("two_levels", "pages/generation/two_levels_of_api.py", "Two levels of API", "stacks", "Generation",
         "One line with pipeline, or tokenizer and model by hand. Do both write the same text?"),
    Page("conversation", "pages/generation/conversation.py", "Conversation", "question_answer", "Generation",
         "Each reply makes the one string longer. What ends a reply, and does it come back as the same tokens?"),
    Page("strategies", "pages/generation/strategies.py", "Strategies", "alt_route", "Generation",
         "One prompt, several ways to choose. Which one finds the most probable text, and which is the quickest?"),
    Page("constrained", "pages/generation/constrained.py", "Constrained", "data_object", "Generation",
         "A grammar strikes out what it forbids. What did the model want to say instead?"),
    Page("padding", "pages/generation/batch_and_padding.py", "Batch and padding", "view_week", "Generation",
         "Two prompts of different length in one batch. What happens when the padding is on the wrong side?"),
    Page("precision", "pages/precision/precision.py", "Precision", "compress", "Precision",
         "One model, stored in fewer and fewer bits. At which token does it first say something else?"),
    Page("block", "pages/precision/one_block_by_hand.py", "One block by hand", "calculate", "Precision",
         "64 weights become 64 numbers from 0 to 15 and one scale. Point at a weight to see its arithmetic."),
    Page("layer_by_layer", "pages/precision/layer_by_layer.py", "Layer by layer", "stacked_bar_chart", "Precision",
         "Each row is one layer, quantized while all others stay as they are. Which one hurts the answer most?"),
    Page("speed", "pages/precision/bytes_and_speed.py", "Bytes and speed", "speed", "Precision",
         "Fewer bits take less memory. Are they also faster on this machine?"),
    Page("planner", "pages/precision/planner.py", "Planner", "sd_card", "Precision",
         "Does this model fit into that card? Move the context and see which part grows."),
    Page("kv_cache", "pages/precision/kv_cache.py", "KV cache", "table_rows", "Precision",
         "What a model keeps of each token that it has read. How much memory does one more token take?"),
    Page("explain_config", "pages/precision/explain_a_config.py", "Explain a config", "rule_settings", "Precision",
         "Paste the quantization settings of a script: what do they really do?"),
)
# fmt: on
"""All pages in the order of the navigation. The first is the one that the bare address shows."""

SECTIONS = tuple(dict.fromkeys(page.section for page in PAGES))
"""The headings of the navigation, in order."""

MOVED = {
    "pipeline": "how_it_splits",
    "score": "surprise",
    "template_cost": "wrong_format",
    "contextual": "three_meanings",
}
"""Addresses that pages had before, which lead on to the new ones: people keep links."""

_BY_URL = {page.url: page for page in PAGES}


def page(url: str) -> Page:
    """The page at an address.

    >>> page("surprise").path
    'pages/prediction/surprise.py'
    """
    return _BY_URL[url]
