"""Messages about chat templates."""

from __future__ import annotations

from lmloupe.diagnose.pattern import Pattern, address

__all__ = ["PROMPTING"]

PROMPTING = (
    Pattern(
        key="no_system_role",
        kind="error",
        library="transformers",
        seen=(r"System role not supported",),
        means="The template of this model knows no system turn and refuses it.",
        why="The model was trained without one (Gemma 1 and 2, for instance). Put the instruction at the beginning of "
        "the first user turn.",
        before='messages = [{"role": "system", "content": rules}, {"role": "user", "content": question}]',
        after='messages = [{"role": "user", "content": f"{rules}\\n\\n{question}"}]',
        page=address("template"),
    ),
    Pattern(
        key="roles_must_alternate",
        kind="error",
        library="transformers",
        seen=(
            r"roles must alternate",
            r"After the optional system message, conversation roles must alternate",
        ),
        means="The template takes user and assistant in turn, and two of the same role stand side by side.",
        why="The model never saw two user turns in a row. Join them, or put the missing reply between them.",
        before='[{"role": "user", "content": a}, {"role": "user", "content": b}]',
        after='[{"role": "user", "content": f"{a}\\n\\n{b}"}]',
        page=address("chat"),
    ),
    Pattern(
        key="no_chat_template",
        kind="error",
        library="transformers",
        seen=(
            r"tokenizer\.chat_template is not set",
            r"does not have a chat template",
            r"No chat template is (?:set|defined) for this (?:tokenizer|processor)",
        ),
        means="This tokenizer has no chat template: it belongs to a base model, which was never trained on chats.",
        why="A base model goes on with a text. Take the instruct version of it, or give it a text to go on with. A "
        "foreign template makes a string that this model has never seen.",
        before='tokenizer = AutoTokenizer.from_pretrained("meta-llama/Llama-3.1-8B")',
        after='tokenizer = AutoTokenizer.from_pretrained("meta-llama/Llama-3.1-8B-Instruct")',
        page=address("wrong_format"),
    ),
    Pattern(
        key="template_syntax",
        kind="error",
        library="jinja2",
        seen=(r"TemplateSyntaxError: (?P<what>[^\n]{1,200})",),
        means="The chat template is not valid Jinja, so nothing can be rendered.",
        why="A tag is not closed or misspelt; the message names it.",
        page=address("template"),
        adapt=lambda groups, _: {"why": f"Jinja says: {groups['what'].strip()}"} if groups.get("what") else {},
    ),
    Pattern(
        key="template_undefined",
        kind="error",
        library="jinja2",
        seen=(r"UndefinedError: (?P<what>[^\n]{1,200})",),
        means="The chat template reads something that the messages do not have.",
        why="A message without a field that the template expects.",
        before="{{ message.tool_calls[0].name }}",
        after="{% if message.tool_calls %}{{ message.tool_calls[0].name }}{% endif %}",
        page=address("template"),
        adapt=lambda groups, _: (
            {
                "why": f"Jinja says: {groups['what'].strip()}. Give each message what the template reads, or let the "
                "template ask whether it is there."
            }
            if groups.get("what")
            else {}
        ),
    ),
    Pattern(
        key="continue_and_ask",
        kind="error",
        library="transformers",
        seen=(r"continue_final_message and add_generation_prompt are not compatible",),
        means="Go on with the last message, or ask for a new one: both at once cannot be.",
        why="add_generation_prompt writes the header of a new reply; continue_final_message leaves the last one open.",
        before="tokenizer.apply_chat_template(messages, add_generation_prompt=True, continue_final_message=True)",
        after="tokenizer.apply_chat_template(messages, continue_final_message=True)",
        page=address("chat", continue_final_message=True),
    ),
)
"""In the order in which they are looked for."""
