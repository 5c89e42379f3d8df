"""Texts for the file view's app and its tests."""

NAMES = {"llama-3.1": "Llama 3.1", "phi-3": "Phi-3", "qwen2": "Qwen2"}
_LINES = (
    "The capital of France is Paris\n",
    "A coconut 🥥 drifted 4828 km\n",
    "\n",
    "    for nut in range(10): print(nut)  # Кокосовая пальма\n",
    "ココナッツ is <b>one</b> word\n",
)
SMALL = "".join(_LINES)
LARGE = "".join(f"{i} {_LINES[i % 5]}" for i in range(6000))  # 200 KB and more
HUGE = "".join(f"{i} {_LINES[i % 5]}" for i in range(30_000))[:1_000_000]
TEXTS = {
    "small": SMALL,
    "large": LARGE,
    "huge": HUGE,
    "one line": '{"key": [1234, "coconut"], ' * 20_000,  # a file without a line end
    "line ends": "\n" * 300_000,  # higher than a browser can scroll
    "alike": "The capital of France\n" * 50,
    "markup": "<img src=x onerror=\"document.title='broken'\"> & <b>bold</b>\u202e\n",
}
