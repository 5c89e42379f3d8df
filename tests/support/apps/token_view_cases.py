"""The texts that token_view_app.py shows and its tests expect."""

NAMES = {"llama-3.1": "Llama 3.1", "phi-3": "Phi-3", "qwen2": "Qwen2", "starcoder2": "StarCoder2"}
SAMPLE = """A coconut is 100 % not a nut 🤚 said the 🦜.
def area(r):
\treturn 3.14159 * r ** 2  # πr²

नमस्ते दुनिया, မင်္ဂလာပါ, 你好世界, Привет
مرحبا بالعالم says <|eot_id|> in Arabic
"""
MARKUP = (
    "<img src=x onerror=\"document.title='broken'\"> <script>document.title='broken'</script> "
    "<iframe srcdoc=\"<script>parent.document.title='broken'</script>\"></iframe> <b>bold</b>"
)
TEXTS = {
    "sample": SAMPLE,
    "emoji": "a 🤚",
    "markup": MARKUP,
    "controls": "a\0b\x07c\rd\u202ee\u200bf",
    "special": "<|eot_id|>",
    "arabic": "مرحبا بالعالم hello world مرحبا",
    "long": "The quick brown fox jumps over the lazy dog, and 12 more. " * 8_000,
    "million": "The quick brown fox jumps over the lazy dog. " * 99_999
    + "The quick brown fox jumps over the lazy dog.",
    "unbroken": "x" * 300 + "=" * 300 + "ab" * 300,
    "lines": "One line of a few words.\n" * 300 + "No end in sight, " * 1000,
    "again": "the cat and the cat and the cat, the internationalization",
    "empty": "",
    "removed": "ab\x16c\x16",
    "chat": "<|user|>\nWhat is a token?<|end|>\n<|assistant|>\nA piece of text.<|end|>\n",
    "mask": "<|user|>\nWhat is a token?<|end|>\n<|assistant|>\nA piece of text.<|end|>\n",
    "fill": "The capital of France is Paris",
}
