"""Messages of loading: the hub, names, versions."""

from __future__ import annotations

from lmloupe.diagnose.pattern import Pattern, address

__all__ = ["LOADING"]

_LOG_IN = "from huggingface_hub import login\n\nlogin()  # asks for the token; never write it into the code"
LOADING = (
    Pattern(
        key="gated_awaiting",
        kind="error",
        library="huggingface_hub",
        seen=(r"awaiting a review from the repo authors",),
        means="Your request for this model has reached its authors, and they have not answered yet.",
        why="No line of code changes that. Look at the model's page on the hub now and then; until then take a model "
        "that is not gated.",
        page=address("planner"),
    ),
    Pattern(
        key="gated",
        kind="error",
        library="huggingface_hub",
        seen=(
            r"Cannot access gated repo",
            r"You are trying to access a gated repo",
            r"is a gated repository\. Make sure to request access",
            r"you are not in the authorized list",
        ),
        means="This model is given only to accounts that accepted its licence.",
        why="Accept it on the model's page, then log in with a token of the same account. 401 means no token, 403 a "
        "token whose account or scope has no access.",
        before='AutoModelForCausalLM.from_pretrained("meta-llama/Llama-3.1-8B-Instruct")',
        after=f'{_LOG_IN}\nAutoModelForCausalLM.from_pretrained("meta-llama/Llama-3.1-8B-Instruct")',
        page=address("planner"),
    ),
    Pattern(
        key="token_refused",
        kind="error",
        library="huggingface_hub",
        seen=(
            r"Invalid user token",
            r"Invalid (?:credentials in Authorization header|username or password)",
            r"User Access Token .{1,80} is expired",
        ),
        means="The hub does not accept the token that was sent.",
        why="It was mistyped, deleted or has expired. A token that stands in a notebook is everybody's: make a new "
        "one.",
        before='login("hf_…")',
        after=_LOG_IN,
        page="",
    ),
    Pattern(
        key="no_such_model",
        kind="error",
        library="transformers",
        seen=(
            r"is not a local folder and is not a valid model identifier",
            r"Repository Not Found for url",
            r"Repo id must be in the form 'repo_name' or 'namespace/repo_name'",
        ),
        means="The hub knows no model of this name, or does not show it to you; and there is no such folder here.",
        why="A misspelt name, a path that does not exist, or a private repository and no token: the hub answers 401 or "
        "404 to all three alike.",
        before='AutoTokenizer.from_pretrained("Llama-3.1-8B-Instruct")',
        after='AutoTokenizer.from_pretrained("meta-llama/Llama-3.1-8B-Instruct")',
        page=address("tokens"),
    ),
    Pattern(
        key="hub_not_reached",
        kind="error",
        library="transformers",
        seen=(
            r"We couldn't connect to '[^']{1,200}' to load the files",
            r"couldn't find them in the cached files",
            r"outgoing traffic has been disabled",
            r"Cannot reach [^\n]{1,200}: offline mode is enabled",
        ),
        means="The hub does not answer, and the files are not in the cache of this computer.",
        why="No network, a proxy, or offline mode (HF_HUB_OFFLINE=1). Fetch the files where there is a network, and "
        "load them from the folder.",
        before='AutoTokenizer.from_pretrained("Qwen/Qwen2-0.5B-Instruct")',
        after='AutoTokenizer.from_pretrained("/path/to/the/folder")',
        page=address("tokens"),
    ),
    Pattern(
        key="asks_to_run_code",
        kind="error",
        library="transformers",
        seen=(
            r"contains custom code which must be executed",
            r"requires you to execute custom code contained in the model repository",
        ),
        means="This repository wants to run its own Python on your machine.",
        why="Its model is not one that transformers has built in. trust_remote_code=True runs whatever that file says, "
        "with your rights: read it first, and pin the revision.",
        before="AutoModelForCausalLM.from_pretrained(name)",
        after='AutoModelForCausalLM.from_pretrained(name, trust_remote_code=True, revision="<what you read>")',
        page=address("architecture"),
    ),
    Pattern(
        key="unknown_architecture",
        kind="error",
        library="transformers",
        seen=(
            r"has model type .(?P<name>[\w.-]{1,60}). but Transformers does not recognize this architecture",
            r"Unrecognized model in",
        ),
        means="This transformers does not know the kind of model that its config.json names.",
        why="The model is newer than the installed transformers, or the folder has no config.json of a model.",
        before="pip install transformers==4.44",
        after="pip install --upgrade transformers",
        page=address("architecture"),
        adapt=lambda groups, _: (
            {"means": f"This transformers does not know models of the type {groups['name']}."}
            if groups.get("name")
            else {}
        ),
    ),
    Pattern(
        key="torch_dtype",
        kind="warning",
        library="transformers",
        seen=(r".torch_dtype. is deprecated! Use .dtype. instead",),
        means="Harmless: the argument has a new name.",
        why="transformers 5 calls it dtype; the old name still works and says so.",
        before="AutoModelForCausalLM.from_pretrained(name, torch_dtype=torch.bfloat16)",
        after="AutoModelForCausalLM.from_pretrained(name, dtype=torch.bfloat16)",
        page=address("architecture"),
    ),
    Pattern(
        key="tokenizer_method_gone",
        kind="error",
        library="transformers",
        seen=(
            r"has no attribute '?(?P<name>encode_plus|batch_encode_plus|additional_special_tokens|"
            r"special_tokens_map_extended|build_inputs_with_special_tokens)\b",
        ),
        means="The tokenizers of transformers 5 do not have this any more.",
        why="encode_plus and batch_encode_plus were other names for calling the tokenizer; additional_special_tokens "
        "is now extra_special_tokens.",
        before='tokenizer.encode_plus(text, return_tensors="pt")\ntokenizer.batch_encode_plus(texts, padding=True)',
        after='tokenizer(text, return_tensors="pt")\ntokenizer(texts, padding=True)',
        page=address("tokens"),
        adapt=lambda groups, _: (
            {"means": f"The tokenizers of transformers 5 have no {groups['name']} any more."}
            if groups.get("name")
            else {}
        ),
    ),
    Pattern(
        key="task_gone",
        kind="error",
        library="transformers",
        seen=(
            r"The task (?P<task>[\w-]{1,60}) has been removed from transformers",
            r"Unknown task (?P<name>[\w-]{1,60}), available tasks are",
        ),
        means="pipeline() does not know this task.",
        why="transformers 5 took out the tasks that a chat model does by being asked (summarization, translation, "
        "text2text-generation, conversational).",
        before='pipeline("summarization", model=name)(text)',
        after='ask = [{"role": "user", "content": f"Summarize in two sentences:\\n\\n{text}"}]\n'
        'pipeline("text-generation", model=name)(ask)',
        page=address("two_levels"),
        adapt=lambda groups, _: (
            {"means": f"pipeline() does not know the task {groups.get('task') or groups.get('name')}."}
            if groups.get("task") or groups.get("name")
            else {}
        ),
    ),
    Pattern(
        key="tensorflow_gone",
        kind="error",
        library="transformers",
        seen=(
            r"module '?transformers'? has no attribute '?(?P<name>(?:TF|Flax)[A-Z]\w{1,60})",
            r"cannot import name '(?P<other>(?:TF|Flax)[A-Z]\w{1,60})' from 'transformers'",
        ),
        means="transformers 5 has no TensorFlow and no JAX models any more.",
        why="Only the PyTorch classes are left; most have the same name without TF or Flax.",
        before="model = TFAutoModelForCausalLM.from_pretrained(name)",
        after="model = AutoModelForCausalLM.from_pretrained(name)",
        page=address("architecture"),
    ),
    Pattern(
        key="no_flash_attention",
        kind="error",
        library="transformers",
        seen=(r"FlashAttention\d? has been toggled on, but it cannot be used",),
        means="The code asks for FlashAttention, and it is not there or this GPU cannot run it.",
        why="It is a package of its own, for NVIDIA cards from Ampere on (no T4). torch's own sdpa is nearly as fast "
        "and always there.",
        before='AutoModelForCausalLM.from_pretrained(name, attn_implementation="flash_attention_2")',
        after='AutoModelForCausalLM.from_pretrained(name, attn_implementation="sdpa")',
        page=address("attention"),
    ),
    Pattern(
        key="fresh_weights",
        kind="warning",
        library="transformers",
        seen=(
            r"those params were newly initialized because missing from the checkpoint",
            r"were not initialized from the model checkpoint",
        ),
        means="Some weights are not in the files: they are random numbers.",
        why="The class is not the one that the weights were saved from (a model without its head, say). What it writes "
        "then means nothing until it is trained.",
        before="AutoModelForSequenceClassification.from_pretrained(name)",
        after="AutoModelForCausalLM.from_pretrained(name)",
        page=address("architecture"),
    ),
)
"""In the order in which they are looked for."""
