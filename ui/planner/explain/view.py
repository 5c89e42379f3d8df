"""What the page Explain a config says about a config: heading, warnings, links, lines of Python."""

from __future__ import annotations

import pandas as pd
import streamlit as st

import lmloupe as lm
from ui.pages import page
from ui.state import store as state

__all__ = ["EXAMPLES", "config_finding", "constructor", "show_links", "table_of"]

EXAMPLES = {
    "nf4, all written": """from transformers import BitsAndBytesConfig
import torch

config = BitsAndBytesConfig(
    load_in_4bit=True,
    bnb_4bit_quant_type="nf4",
    bnb_4bit_compute_dtype=torch.bfloat16,
    bnb_4bit_use_double_quant=True,
)
""",
    "4 bits, no more": "config = BitsAndBytesConfig(load_in_4bit=True)\n",
    "8 bits, two traps": """config = BitsAndBytesConfig(
    load_in_8bit=True,
    bnb_4bit_quant_type="nf4",
    llm_int8_skip_modules=["q_proj"],
)
""",
    "Refused": """config = BitsAndBytesConfig(
    load_in_4bit=True,
    load_in_8bit=True,
)
""",
    "config.json": """{
  "model_type": "llama",
  "dtype": "bfloat16",
  "quantization_config": {
    "quant_method": "bitsandbytes",
    "load_in_4bit": true,
    "bnb_4bit_quant_type": "nf4",
    "bnb_4bit_compute_dtype": "bfloat16"
  }
}
""",
    "GPTQ": """{
  "quantization_config": {
    "quant_method": "gptq",
    "bits": 4,
    "group_size": 128,
    "desc_act": false
  }
}
""",
}
"""Configs to try, by the name of their button."""


def config_finding(found: lm.ExplainedConfig) -> str:
    """The heading: what becomes of the weights, and how much of it nobody said."""
    if found.refused:
        return f"transformers refuses this config: {found.refused.split(': ', 1)[-1]}"
    if found.method not in ("bitsandbytes", "none"):
        return f"Not a bitsandbytes config: it is {found.method}"
    if found.method == "none":
        return "This config quantizes nothing"
    if not found.weights:
        return (
            "Loading with this config fails" if found.outcome.startswith("Loading fails") else "It depends on the run"
        )
    said = {one.name for one in found.settings if one.is_said}
    if found.weights == "none":
        return "With this config no weight is stored in fewer bits"
    size = "" if found.bits_per_weight is None else f", {found.bits_per_weight:.4g} bits a weight"
    if found.weights == "int8":
        return f"Stored in int8{size}"
    kind = "" if "bnb_4bit_quant_type" in said else " (the default)"
    dtype = found.effective.get("bnb_4bit_compute_dtype")
    products = f", computed in {dtype}" if dtype else ""
    unsaid = " (the default)" if dtype and "bnb_4bit_compute_dtype" not in said else ""
    return f"Stored in {found.weights}{kind}{size}{products}{unsaid}"


def show_links(found: lm.ExplainedConfig) -> None:
    """Doors to the pages that show what this config does."""
    if found.precision is None:
        return
    spec = found.precision.spec
    with st.container(horizontal=True, gap="medium"):
        target = page("planner")
        changes = {"plan_precision": spec} | ({"plan_model": found.model} if found.model else {})
        st.page_link(
            target.path, label=f"Which models fit in {found.precision.weights}?",
            icon=target.icon_shortcode, query_params=state.link_params(**changes), width="content",
        )  # fmt: skip
        target = page("precision")
        st.page_link(
            target.path, label="What does it change in the answers?", icon=target.icon_shortcode,
            query_params=state.link_params(precisions=(spec,)), width="content",
        )  # fmt: skip
        target = page("speed")
        st.page_link(
            target.path, label="How fast is it here?", icon=target.icon_shortcode,
            query_params=state.link_params(speed_precisions=("float32", spec)), width="content",
        )  # fmt: skip


def table_of(found: lm.ExplainedConfig) -> pd.DataFrame:
    """The settings as a table for a spreadsheet."""
    return pd.DataFrame(
        {
            "Setting": [one.name for one in found.settings],
            "Value": [one.value for one in found.settings],
            "Said": [one.is_said for one in found.settings],
            "What it does": [one.does for one in found.settings],
            "Surprises": [one.is_surprising for one in found.settings],
        }
    )


def constructor(found: lm.ExplainedConfig) -> str:
    """The call of transformers' class with what the text says and could be read; empty for other methods."""
    if found.method != "bitsandbytes":
        return ""
    said = [
        one
        for one in found.settings
        if one.is_said and one.is_read and one.name.isidentifier() and "…" not in one.value
    ]
    return f"BitsAndBytesConfig({', '.join(f'{one.name}={one.value}' for one in said)})"
