"""Messages about quantization and about memory, with the planner at the card and the model of the very text."""

from __future__ import annotations

from collections.abc import Mapping

from lmloupe.diagnose.linear import searched
from lmloupe.diagnose.pattern import Pattern, address
from lmloupe.planner.cards import PUBLISHED_CARDS
from lmloupe.planner.models.known import known_models

__all__ = ["QUANTIZING", "named_card", "named_model"]

_GIB = 1 << 30
_NEAR_GIB = 0.5
_FOUR_BITS = """config = BitsAndBytesConfig(
    load_in_4bit=True,
    bnb_4bit_quant_type="nf4",
    bnb_4bit_compute_dtype=torch.bfloat16,  # torch.float16 on a T4
)
model = AutoModelForCausalLM.from_pretrained(name, quantization_config=config)"""
_CARD_NAMES = (
    ("rtx-3060", r"RTX\s?3060"), ("t4", r"\b(?:Tesla[ -])?T4\b"), ("l4", r"\bL4\b"), ("a10g", r"\bA10G?\b"),
    ("rtx-4090", r"RTX\s?4090"), ("a100-40", r"A100\S*-40GB|A100 40"), ("a100-80", r"A100"), ("h100", r"H100"),
)  # fmt: skip


def named_card(text: str, capacity_gib: str = "") -> str:
    """The key of the card that a text is about, by its capacity as torch gives it, else by its name; empty: none.

    >>> named_card("GPU 0 has a total capacity of 14.74 GiB", "14.74"), named_card("NVIDIA A100-SXM4-80GB")
    ('t4', 'a100-80')
    """
    if capacity_gib:
        gib = float(capacity_gib)
        nearest = min(PUBLISHED_CARDS, key=lambda card: abs(card.memory_bytes / _GIB - gib))
        if abs(nearest.memory_bytes / _GIB - gib) <= _NEAR_GIB and nearest.kind == "cuda":
            return nearest.key
    data = text.encode("utf-8", "replace")
    return next((key for key, name in _CARD_NAMES if searched(name, data) is not None), "")


def named_model(text: str) -> str:
    """The key of the first known model whose name on the hub stands in a text; empty: none.

    >>> named_model('AutoModelForCausalLM.from_pretrained("meta-llama/Llama-3.1-8B-Instruct")')
    'llama-3.1-8b'
    """
    lowered, best = text.lower(), (len(text) + 1, "")
    for model in known_models():
        for name in (model.hub_id, *model.aliases):
            place = lowered.find(name.lower()) if "/" in name else -1
            if place >= 0:
                best = min(best, (place, model.key))
    return best[1]


def _planner(groups: Mapping[str, str], text: str) -> Mapping[str, str]:
    card, model = named_card(text, groups.get("gib") or groups.get("old") or ""), named_model(text)
    settings = ({"plan_card": card} if card else {}) | ({"plan_model": model} if model else {})
    return {"page": address("planner", **settings)}


def _full(groups: Mapping[str, str], text: str) -> Mapping[str, str]:
    asked, has = groups.get("asked"), groups.get("gib") or groups.get("old")
    numbers = f"The card has {has} GiB, and {asked} more were asked for. " if asked and has else ""
    return {**_planner(groups, text), "why": f"{numbers}{_FULL_WHY}"}


def _argument(groups: Mapping[str, str], _: str) -> Mapping[str, str]:
    name = groups.get("name") or "load_in_4bit"
    return {
        "means": f"from_pretrained no longer takes {name} itself: it goes into a config.",
        "before": f"AutoModelForCausalLM.from_pretrained(name, {name}=True)",
        "after": f"config = BitsAndBytesConfig({name}=True)\n"
        "AutoModelForCausalLM.from_pretrained(name, quantization_config=config)",
        "page": address("explain_config", config_text=f"AutoModelForCausalLM.from_pretrained(name, {name}=True)"),
    }


_FULL_WHY = (
    "Weights, KV cache and activations have to fit together. Fewer bits a weight, a shorter context or a smaller batch "
    "help; what an earlier cell of a notebook loaded stays there until it is deleted or the runtime restarts."
)
QUANTIZING = (
    Pattern(
        key="cuda_out_of_memory",
        kind="error",
        library="torch",
        seen=(
            r"CUDA out of memory\.(?: Tried to allocate (?P<asked>[\d.]{1,12} [GM]iB))?"
            r"(?:\.? ?\(?GPU \d+(?: has a total capacity of (?P<gib>\d{1,4}(?:\.\d{1,4})?) GiB|"
            r"; (?P<old>\d{1,4}(?:\.\d{1,4})?) GiB total capacity))?",
        ),
        means="The model, its cache and what it computes do not fit into this GPU's memory.",
        why=_FULL_WHY,
        before='model = AutoModelForCausalLM.from_pretrained(name, device_map="cuda")',
        after=_FOUR_BITS,
        page=address("planner"),
        adapt=_full,
    ),
    Pattern(
        key="modules_elsewhere",
        kind="error",
        library="transformers",
        seen=(r"Some modules are dispatched on the CPU or the disk",),
        means="Even quantized, the model does not fit on the GPU, so a part of it was put elsewhere.",
        why='device_map="auto" fills the GPU first and puts the rest elsewhere. '
        "Mostly something else still lies on the GPU: restart the runtime, or take a smaller model.",
        before='AutoModelForCausalLM.from_pretrained(name, quantization_config=config, device_map="auto")',
        after='AutoModelForCausalLM.from_pretrained(name, quantization_config=config, device_map={"": 0})',
        page=address("planner"),
        adapt=_planner,
    ),
    Pattern(
        key="offloaded",
        kind="warning",
        library="accelerate",
        seen=(r"Some parameters are on the meta device because they were offloaded to the (?P<where>cpu|disk)",),
        means="The model does not fit on the GPU: a part of it is fetched anew for every token.",
        why="It works, and is very slow. Store the weights in fewer bits, or take a smaller model.",
        before='AutoModelForCausalLM.from_pretrained(name, device_map="auto")',
        after=_FOUR_BITS,
        page=address("planner"),
        adapt=_planner,
    ),
    Pattern(
        key="no_memory_left",
        kind="error",
        library="torch",
        seen=(r"DefaultCPUAllocator: (?:can't allocate memory|not enough memory)",),
        means="The computer's own memory is full.",
        why="Weights in float32 take 4 bytes each: 8 billion of them are 32 GB. Load them in 16 bits, or take fewer.",
        before="AutoModelForCausalLM.from_pretrained(name)",
        after='AutoModelForCausalLM.from_pretrained(name, dtype="auto")',
        page=address("planner", plan_card="laptop-16"),
    ),
    Pattern(
        key="four_and_eight_bits",
        kind="error",
        library="transformers",
        seen=(r"load_in_4bit and load_in_8bit are both True",),
        means="The config asks for 4 and for 8 bits at once.",
        why="A weight is stored in one format. Leave one of the two lines out.",
        before="BitsAndBytesConfig(load_in_4bit=True, load_in_8bit=True)",
        after='BitsAndBytesConfig(load_in_4bit=True, bnb_4bit_quant_type="nf4")',
        page=address("explain_config", config_text="BitsAndBytesConfig(load_in_4bit=True, load_in_8bit=True)"),
    ),
    Pattern(
        key="bits_as_an_argument",
        kind="error",
        library="transformers",
        seen=(
            r"unexpected keyword argument '(?P<name>load_in_[48]bit)'",
            r"can't pass .load_in_4bit.\s*or .load_in_8bit. as a kwarg",
        ),
        means="from_pretrained no longer takes load_in_4bit or load_in_8bit itself.",
        why="transformers 5 reads them from a BitsAndBytesConfig alone, which also says which 4 bits are meant.",
        adapt=_argument,
    ),
    Pattern(
        key="no_gpu_for_quantization",
        kind="error",
        library="transformers",
        seen=(
            r"No GPU (?:or [\w ]{1,20} )?found\. A GPU (?:or [\w ]{1,20} )?is needed for (?:\w+ )?quantization",
            r"None of the available devices .available_devices",
        ),
        means="The library that quantizes finds no GPU that it can use.",
        why="The runtime has none (in Colab: Runtime, Change runtime type, T4 GPU), or the installed version cannot "
        "use what is there. bitsandbytes 0.50 with transformers 5 quantizes on a CPU too.",
        after="pip install --upgrade transformers bitsandbytes  # and restart the runtime",
        page=address("speed"),
    ),
    Pattern(
        key="bitsandbytes_without_cuda",
        kind="error",
        library="bitsandbytes",
        seen=(
            r"CUDA is required but not available for bitsandbytes",
            r"Attempted to use bitsandbytes native library functionality but it's not available",
            r"CUDA Setup failed despite GPU being available",
        ),
        means="bitsandbytes was loaded without CUDA, though it needs it here.",
        why="The runtime was changed to another machine, or torch or bitsandbytes were replaced while Python went on "
        "running. Restart the runtime after installing, and ask torch first whether it sees the GPU.",
        before="!pip install bitsandbytes\nmodel = AutoModelForCausalLM.from_pretrained(name, "
        "quantization_config=config)",
        after="!pip install bitsandbytes\n# restart the runtime, then:\nimport torch\n\nassert "
        "torch.cuda.is_available()",
        page=address("speed"),
    ),
    Pattern(
        key="no_cuda",
        kind="error",
        library="torch",
        seen=(
            r"Torch not compiled with CUDA enabled",
            r"Found no NVIDIA driver on your system",
            r"No CUDA GPUs are available",
        ),
        means='The code says "cuda", and this torch or this machine has no NVIDIA GPU.',
        why="torch for the CPU alone, no driver, or a runtime without a GPU. Let the code ask what there is.",
        before='model.to("cuda")',
        after='device = "cuda" if torch.cuda.is_available() else "cpu"\nmodel.to(device)',
        page=address("speed"),
    ),
    Pattern(
        key="device_side_assert",
        kind="error",
        library="torch",
        seen=(r"device-side assert triggered",),
        means="Something on the GPU was out of range, mostly an id that the embedding matrix has no row for.",
        why="The GPU reports it late and without a place, and the process is of no use afterwards. Run the same line "
        "on the CPU: there the message names the mistake.",
        before="outputs = model.generate(**inputs)",
        after='# restart, then on the CPU:\nmodel.to("cpu").generate(**inputs.to("cpu"))',
        page=address("embeddings"),
    ),
    Pattern(
        key="no_bfloat16",
        kind="error",
        library="torch",
        seen=(
            r"Bfloat16 is only supported on GPUs with compute capability of at least 8\.0",
            r"Your setup doesn't support bf16/gpu",
            r"Current CUDA Device does not support bfloat16",
        ),
        means="This GPU has no arithmetic for bfloat16.",
        why="A T4 (compute capability 7.5) and every NVIDIA card before Ampere lack it: it is refused, or imitated "
        "slowly. float16 is fast there.",
        before="BitsAndBytesConfig(load_in_4bit=True, bnb_4bit_compute_dtype=torch.bfloat16)",
        after="BitsAndBytesConfig(load_in_4bit=True, bnb_4bit_compute_dtype=torch.float16)",
        page=address("planner", plan_card="t4"),
    ),
    Pattern(
        key="computes_in_float32",
        kind="warning",
        library="bitsandbytes",
        seen=(r"bnb_4bit_compute_dtype=torch\.float32 \(default\)",),
        means="The weights are stored in 4 bits, and every product is computed in float32: slow on a GPU.",
        why="bnb_4bit_compute_dtype is float32 unless it is said, whatever the model runs in.",
        before='BitsAndBytesConfig(load_in_4bit=True, bnb_4bit_quant_type="nf4")',
        after="BitsAndBytesConfig(\n"
        '    load_in_4bit=True, bnb_4bit_quant_type="nf4", bnb_4bit_compute_dtype=torch.bfloat16\n)',
        page=address("explain_config", config_text='BitsAndBytesConfig(load_in_4bit=True, bnb_4bit_quant_type="nf4")'),
    ),
    Pattern(
        key="cannot_cast_quantized",
        kind="error",
        library="transformers",
        seen=(
            r"You cannot cast a bitsandbytes model in a new .dtype.",
            r".\.to. is not supported for .4-bit. or .8-bit. bitsandbytes models",
            r"Calling .cuda\(\). is not supported for .[48]-bit. quantized models",
        ),
        means="A quantized model cannot be cast to another number format: its weights are codes.",
        why="The dtype of what is not quantized (norms, embedding) is chosen when the model is loaded.",
        before="model = AutoModelForCausalLM.from_pretrained(name, quantization_config=config).half()",
        after="model = AutoModelForCausalLM.from_pretrained(name, quantization_config=config, dtype=torch.float16)",
        page=address("block", block_format="nf4"),
    ),
    Pattern(
        key="package_missing",
        kind="error",
        library="transformers",
        seen=(r"requires (?P<name>accelerate|bitsandbytes)\b[^\n]{0,3}: .pip install",),
        means="A package that quantized loading needs is missing or too old.",
        why="Install it, and restart Python: a running process keeps what it has loaded.",
        before="",
        after="pip install --upgrade accelerate bitsandbytes",
        page="",
    ),
)
"""In the order in which they are looked for."""
