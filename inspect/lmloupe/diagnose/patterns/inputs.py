"""Messages about what is given to the tokenizer and to the model."""

from __future__ import annotations

from collections.abc import Mapping

from lmloupe.diagnose.pattern import Pattern, address

__all__ = ["BATCH_AS_TENSOR", "INPUTS", "RIGHT_PADDING"]


def _unused(groups: Mapping[str, str], text: str) -> Mapping[str, str]:
    names = groups.get("names", "")
    if "token_type_ids" in names:
        return {
            "means": "The tokenizer gives token_type_ids, and this model has no use for them.",
            "why": "They tell two sentences apart in BERT-like models. A causal language model does not read them, and "
            "generate() refuses what the model does not read.",
            "before": "outputs = model.generate(**inputs)",
            "after": 'inputs.pop("token_type_ids")\noutputs = model.generate(**inputs)',
        }
    return {"means": f"generate() was given {names.strip()}, which this model does not know."} if names else {}


BATCH_AS_TENSOR = Pattern(
    key="batch_as_tensor",
    kind="error",
    library="transformers",
    seen=(r"KeyError: 'shape'", r"'BatchEncoding' object has no attribute 'shape'"),
    means="generate() was given the whole BatchEncoding where it expects the ids.",
    why="Since transformers 5, apply_chat_template returns a BatchEncoding (input_ids and attention_mask by name), as "
    "calling a tokenizer always did. Two stars hand its parts over by name, the attention mask too.",
    before="outputs = model.generate(inputs, max_new_tokens=50)",
    after="outputs = model.generate(**inputs, max_new_tokens=50)",
    page=address("two_levels"),
)
RIGHT_PADDING = Pattern(
    key="right_padding",
    kind="warning",
    library="transformers",
    seen=(r"right-padding was detected",),
    means="The shorter prompts of this batch are filled up on the right, behind their last word.",
    why="A causal model writes on after the last column. On the right that column is padding, so a shorter prompt goes "
    "on from filling. Padding on the left ends every prompt in the last column.",
    before="tokenizer = AutoTokenizer.from_pretrained(name)",
    after='tokenizer = AutoTokenizer.from_pretrained(name, padding_side="left")',
    page=address("padding", padding_side="right"),
)
INPUTS = (
    BATCH_AS_TENSOR,
    RIGHT_PADDING,
    Pattern(
        key="text_as_tensor",
        kind="error",
        library="transformers",
        seen=(r"'(?:str|list|dict)' object has no attribute 'shape'",),
        means="generate() was given a text or a list where it expects a tensor of ids.",
        why='The model reads numbers. The tokenizer makes them, and return_tensors="pt" puts them into a tensor.',
        before="outputs = model.generate(prompt)",
        after='inputs = tokenizer(prompt, return_tensors="pt").to(model.device)\noutputs = model.generate(**inputs)',
        page=address("two_levels"),
    ),
    Pattern(
        key="ids_not_a_tensor",
        kind="error",
        library="torch",
        seen=(r"argument 'indices' \(position 2\) must be Tensor, not \w+",),
        means="The embedding layer was given a list of ids, not a tensor.",
        why="Without return_tensors the tokenizer returns Python lists. The embedding layer picks rows by a tensor of "
        "whole numbers.",
        before="inputs = tokenizer(text)",
        after='inputs = tokenizer(text, return_tensors="pt").to(model.device)',
        page=address("embeddings"),
    ),
    Pattern(
        key="ids_not_whole",
        kind="error",
        library="torch",
        seen=(r"Expected tensor for argument #1 'indices' to have one of the following scalar types: Long, Int",),
        means="The ids are in a tensor of floating-point numbers.",
        why="An id is the number of a row of the embedding matrix, and rows are counted in whole numbers. A cast of "
        "all inputs to float16 or bfloat16 hits the ids too.",
        before='inputs = tokenizer(text, return_tensors="pt").to(torch.bfloat16)',
        after='inputs = tokenizer(text, return_tensors="pt").to(model.device)',
        page=address("embeddings"),
    ),
    Pattern(
        key="id_out_of_range",
        kind="error",
        library="torch",
        seen=(r"index out of range in self", r"srcIndex < srcSelectDimSize", r"index out of bounds: 0 <= tmp"),
        means="An id is larger than the embedding matrix has rows.",
        why="The tokenizer is not this model's, or tokens were added to it and the matrix did not grow. Take both from "
        "one name; after add_tokens, resize the matrix.",
        before='tokenizer.add_special_tokens({"pad_token": "[PAD]"})',
        after='tokenizer.add_special_tokens({"pad_token": "[PAD]"})\nmodel.resize_token_embeddings(len(tokenizer))',
        page=address("embeddings"),
    ),
    Pattern(
        key="no_pad_token",
        kind="error",
        library="transformers",
        seen=(r"Asking to pad but the tokenizer does not have a padding token",),
        means="The tokenizer has no token to fill shorter texts up with.",
        why="Models such as Llama were trained without padding. Any token will do as long as the attention mask hides "
        "it: the end token is the usual choice.",
        before='inputs = tokenizer(prompts, padding=True, return_tensors="pt")',
        after="tokenizer.pad_token = tokenizer.eos_token\n"
        'inputs = tokenizer(prompts, padding=True, return_tensors="pt")',
        page=address("padding", padding_side="left"),
    ),
    Pattern(
        key="ragged_batch",
        kind="error",
        library="transformers",
        seen=(r"Unable to create tensor, you should probably activate truncation and/or padding",),
        means="The texts of the batch have different numbers of tokens, and a tensor is a rectangle.",
        why="Padding fills the shorter ones up; for a causal model on the left.",
        before='inputs = tokenizer(prompts, return_tensors="pt")',
        after='tokenizer.padding_side = "left"\ninputs = tokenizer(prompts, padding=True, return_tensors="pt")',
        page=address("padding", padding_side="left"),
    ),
    Pattern(
        key="mask_not_set",
        kind="warning",
        library="transformers",
        seen=(
            r"The attention mask and the pad token id were not set",
            r"The attention mask is not set (?:with a batched input, )?and cannot be inferred from input",
        ),
        means="generate() got ids alone, so it does not know which of them are padding.",
        why="Without a mask the model reads the padding as text. With one prompt nothing is padded and nothing "
        "changes; in a batch the answers do.",
        before='outputs = model.generate(inputs["input_ids"])',
        after="outputs = model.generate(**inputs, pad_token_id=tokenizer.eos_token_id)",
        page=address("padding", padding_side="left", padding_mask=False),
    ),
    Pattern(
        key="pad_set_to_eos",
        kind="warning",
        library="transformers",
        seen=(r"Setting .pad_token_id. to .eos_token_id.",),
        means="Harmless: older versions of transformers say which token they fill up with.",
        why="The model names no padding token, so its end token is taken. transformers 5 does the same in silence.",
        before="outputs = model.generate(**inputs)",
        after="outputs = model.generate(**inputs, pad_token_id=tokenizer.eos_token_id)",
        page=address("padding", padding_side="left"),
    ),
    Pattern(
        key="sequence_too_long",
        kind="warning",
        library="transformers",
        seen=(r"Token indices sequence length is longer than the specified maximum sequence length",),
        means="The text has more tokens than the model was built to read at once.",
        why="The tokenizer only counts and warns. Beyond its context a model with learnt positions fails, and one with "
        "rotary positions answers worse and worse. Cut the text, or split it.",
        before="inputs = tokenizer(text)",
        after="inputs = tokenizer(text, truncation=True, max_length=tokenizer.model_max_length)",
        page=address("kv_cache"),
    ),
    Pattern(
        key="beyond_the_context",
        kind="warning",
        library="transformers",
        seen=(r"text generation call has exceeded the model's predefined maximum length",),
        means="Prompt and reply together are longer than the context that the model was trained on.",
        why="Positions beyond it never occurred in training, so what is written there gets worse. Shorten the prompt "
        "or ask for fewer new tokens.",
        before="outputs = model.generate(**inputs, max_new_tokens=4096)",
        after='room = model.config.max_position_embeddings - inputs["input_ids"].shape[1]\n'
        "outputs = model.generate(**inputs, max_new_tokens=min(4096, room))",
        page=address("kv_cache"),
    ),
    Pattern(
        key="max_length_counts_the_prompt",
        kind="error",
        library="transformers",
        seen=(r"Input length of (?:decoder_)?input_ids is (?P<has>\d+), but .max_length. is set to (?P<most>\d+)",),
        means="max_length counts the prompt too, and the prompt alone is as long as that.",
        why="max_new_tokens counts what is written and nothing else: it is nearly always what is meant.",
        before="outputs = model.generate(**inputs, max_length=20)",
        after="outputs = model.generate(**inputs, max_new_tokens=20)",
        page=address("generate"),
        adapt=lambda groups, _: (
            {
                "means": f"max_length={groups['most']} counts the prompt too, which has {groups['has']} tokens "
                "already.",
            }
            if groups.get("most")
            else {}
        ),
    ),
    Pattern(
        key="two_devices",
        kind="error",
        library="torch",
        seen=(
            r"Expected all tensors to be on the same device",
            r"You are calling \.generate\(\) with the .input_ids. being on a device type different",
        ),
        means="The ids and the model are in different memories: one on the GPU, one in the computer's.",
        why="The tokenizer always makes its tensors in the computer's memory. They have to be moved to where the "
        "model is.",
        before='inputs = tokenizer(text, return_tensors="pt")',
        after='inputs = tokenizer(text, return_tensors="pt").to(model.device)',
        page=address("architecture"),
    ),
    Pattern(
        key="two_dtypes",
        kind="error",
        library="torch",
        seen=(
            r"expected m1 and m2 to have the same dtype",
            r"mat1 and mat2 must have the same dtype",
            r"expected scalar type \w+ but found \w+",
        ),
        means="Two matrices of one product are in different number formats.",
        why="A part of the model was cast, or a layer was added in float32 beside others in 16 bits. Load the whole "
        "model in one dtype rather than casting parts of it.",
        before="model = AutoModelForCausalLM.from_pretrained(name)\nmodel.model.half()",
        after="model = AutoModelForCausalLM.from_pretrained(name, dtype=torch.float16)",
        page=address("architecture"),
    ),
    Pattern(
        key="not_for_this_model",
        kind="error",
        library="transformers",
        seen=(r"The following .model_kwargs. are not used by the model: \[(?P<names>[^\]]*)\]",),
        means="generate() was given something that this model does not know.",
        why="Mostly a misspelt argument, sometimes one that another model reads. generate() refuses it rather than "
        "dropping it in silence.",
        before="outputs = model.generate(**inputs, max_new_token=50)",
        after="outputs = model.generate(**inputs, max_new_tokens=50)",
        page=address("generate"),
        adapt=_unused,
    ),
    Pattern(
        key="bfloat16_in_numpy",
        kind="error",
        library="torch",
        seen=(r"Got unsupported ScalarType BFloat16",),
        means="NumPy has no bfloat16, so the tensor cannot become an array as it is.",
        why="bfloat16 keeps float32's range with 8 significant bits. Every value of it is a float32 too, so the cast "
        "loses nothing.",
        before="array = logits.cpu().numpy()",
        after="array = logits.float().cpu().numpy()",
        page=address("block", block_format="nf4"),
    ),
)
"""In the order in which they are looked for."""
