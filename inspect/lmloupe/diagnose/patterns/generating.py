"""Messages of generation: sampling, caches, streams, attention."""

from __future__ import annotations

from lmloupe.diagnose.pattern import Pattern, address

__all__ = ["GENERATING", "STREAMS_THE_PROMPT"]

STREAMS_THE_PROMPT = Pattern(
    key="streams_the_prompt",
    kind="warning",
    library="transformers",
    seen=(r"TextStreamer\(\s*\w+\s*\)", r"TextIteratorStreamer\(\s*\w+\s*\)"),
    means="This streamer prints the prompt before the reply.",
    why="generate() hands the prompt's ids to the streamer first, and skip_prompt is off unless it is said.",
    before="streamer = TextStreamer(tokenizer)",
    after="streamer = TextStreamer(tokenizer, skip_prompt=True, skip_special_tokens=True)",
    page=address("two_levels"),
)
# A train never stops either: who writes has to stand nearby.
_WRITER = (
    r"(?:models?|llms?|llama|qwen|phi|mistral|gemma|smollm2?|chatbot|generation|generate(?:\(\))?|replies|reply|"
    r"responses?|outputs?|pipeline)"
)
_GOES_ON = r"(?:never stops?|doesn't stop|does not stop|won't stop|will not stop|keeps? (?:on )?(?:generating|writing))"
GENERATING = (
    Pattern(
        key="not_a_probability",
        kind="error",
        library="torch",
        seen=(r"probability tensor contains either .inf., .nan. or element < 0",),
        means="The model's scores are not numbers any more (inf or nan), so no token can be drawn.",
        why="Mostly float16 overflowed: its largest value is 65,504, and models trained in bfloat16 go beyond. A "
        "temperature next to 0 does the same, and so does a wrong mask.",
        before="model = AutoModelForCausalLM.from_pretrained(name, dtype=torch.float16)",
        after='model = AutoModelForCausalLM.from_pretrained(name, dtype="auto")  # as it was trained',
        page=address("next_token", temperature=0.05),
    ),
    Pattern(
        key="temperature_zero",
        kind="error",
        library="transformers",
        seen=(r".temperature. \(=(?P<value>[^)]{1,40})\) has to be a strictly positive float",),
        means="Scores cannot be divided by a temperature of 0.",
        why="Towards 0 the most probable token gets everything. That is greedy decoding, which is asked for by its "
        "name.",
        before="outputs = model.generate(**inputs, do_sample=True, temperature=0.0)",
        after="outputs = model.generate(**inputs, do_sample=False)",
        page=address("next_token", temperature=0),
    ),
    Pattern(
        key="sampling_is_off",
        kind="warning",
        library="transformers",
        seen=(
            r"The following generation flags are not valid and may be ignored: \[(?P<names>[^\]]{1,200})\]",
            r".do_sample. is set to .False.\. However, .(?P<name>\w+). is set to",
        ),
        means="Settings of sampling are set, but nothing is sampled: they change nothing.",
        why="Without do_sample=True generate() takes the most probable token each time. The settings may come from the "
        "model's own generation_config.json.",
        before="outputs = model.generate(**inputs, temperature=0.7)",
        after="outputs = model.generate(**inputs, do_sample=True, temperature=0.7)",
        page=address("strategies"),
        adapt=lambda groups, _: (
            {
                "means": f"{(groups.get('names') or groups.get('name') or '').strip()}: set, but nothing is sampled, "
                "so it changes nothing."
            }
            if groups.get("names") or groups.get("name")
            else {}
        ),
    ),
    Pattern(
        key="two_lengths",
        kind="warning",
        library="transformers",
        seen=(r"Both .max_new_tokens. \(=\d+\) and .max_length.\s?\(=\s?\d+\) seem to have been set",),
        means="Two limits are set, and max_new_tokens counts.",
        why="max_length counts prompt and reply together, max_new_tokens the reply alone. The other one may come from "
        "the model's generation_config.json.",
        before="outputs = model.generate(**inputs, max_length=200, max_new_tokens=50)",
        after="outputs = model.generate(**inputs, max_new_tokens=50)",
        page=address("generate"),
    ),
    Pattern(
        key="no_attentions_from_sdpa",
        kind="warning",
        library="transformers",
        seen=(
            r".sdpa. attention does not support .output_attentions=True.",
            r"scaled_dot_product_attention. does not support .output_attentions=True.",
        ),
        means="The fast attention (sdpa) never has the attention weights in memory, so it cannot return them.",
        why="It computes softmax and sum in one pass, block by block. The plain implementation keeps the whole matrix.",
        before="model = AutoModelForCausalLM.from_pretrained(name)",
        after='model = AutoModelForCausalLM.from_pretrained(name, attn_implementation="eager")',
        page=address("attention"),
    ),
    Pattern(
        key="streamer_takes_one",
        kind="error",
        library="transformers",
        seen=(r"TextStreamer only supports batch size 1",),
        means="A streamer prints one reply, and the batch has several prompts.",
        why="Tokens of several replies would be mixed on the screen. Give one prompt, or leave the streamer out.",
        before='model.generate(**tokenizer(prompts, padding=True, return_tensors="pt"), streamer=streamer)',
        after='for prompt in prompts:\n    model.generate(**tokenizer(prompt, return_tensors="pt"), streamer=streamer)',
        page=address("padding", padding_side="left"),
    ),
    Pattern(
        key="stop_strings_need_the_tokenizer",
        kind="error",
        library="transformers",
        seen=(r"There are one or more stop strings,",),
        means="generate() stops at a text only if it has the tokenizer, which spells the tokens.",
        why="The model writes ids. Whether they end in a stop text shows only once they are spelled.",
        before='outputs = model.generate(**inputs, stop_strings=["\\n\\n"])',
        after='outputs = model.generate(**inputs, stop_strings=["\\n\\n"], tokenizer=tokenizer)',
        page=address("conversation"),
    ),
    Pattern(
        key="cache_of_old_code",
        kind="error",
        library="transformers",
        seen=(
            r"'DynamicCache' object has no attribute '(?P<name>\w+)'",
            r"type object 'DynamicCache' has no attribute '(?P<kind>\w+)'",
            r"The .seen_tokens. attribute is deprecated",
        ),
        means="Code from the model's own repository is older than this transformers.",
        why="trust_remote_code=True runs the Python file that lies beside the weights; for Phi-3 it reads parts of the "
        "cache that are gone. transformers has these models itself: leave trust_remote_code out.",
        before='AutoModelForCausalLM.from_pretrained("microsoft/Phi-3-mini-4k-instruct", trust_remote_code=True)',
        after='AutoModelForCausalLM.from_pretrained("microsoft/Phi-3-mini-4k-instruct")',
        page=address("kv_cache"),
        adapt=lambda groups, _: (
            {
                "means": "Code from the model's own repository is older than this transformers: it asks the cache for "
                f"{groups.get('name') or groups.get('kind')}."
            }
            if groups.get("name") or groups.get("kind")
            else {}
        ),
    ),
    Pattern(
        key="never_stops",
        kind="warning",
        library="",
        seen=(
            rf"\b{_WRITER}(?:\W+\w+){{0,2}}? {_GOES_ON}\b",
            rf"\b{_GOES_ON} (?:generating|writing|talking|at the end|after the (?:answer|reply))\b",
        ),
        means="The model does write its end token, but generate() waits for another one.",
        why="An instruct model ends a turn with a token of its own (<|eot_id|>, <|im_end|>, <|end|>). Where the "
        "generation config knows only the tokenizer's eos, nothing stops it before max_new_tokens.",
        before="outputs = model.generate(**inputs, max_new_tokens=500)",
        after='ends = [tokenizer.eos_token_id, tokenizer.convert_tokens_to_ids("<|eot_id|>")]\n'
        "outputs = model.generate(**inputs, max_new_tokens=500, eos_token_id=ends)",
        page=address("conversation"),
    ),
    STREAMS_THE_PROMPT,
)
"""In the order in which they are looked for."""
