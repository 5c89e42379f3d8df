"""Conversations and templates: written ones, those that Hypothesis makes up, and how transformers renders them."""

from __future__ import annotations

from typing import Any

import tokenizers
from hypothesis import strategies as st

import lmloupe as lm
from lmloupe.chat.jinja.dialect import render_template

FAMILIES = ("llama-3.1", "phi-3", "qwen2", "smollm2")
Messages = list[dict[str, Any]]


def user(content: Any) -> dict[str, Any]:
    return {"role": "user", "content": content}


def text_of(key: str, messages: Messages, **options: Any) -> str:
    return lm.render_chat(lm.load_tokenizer(key), messages, **options).text


def rendered(source: str, variables: dict[str, Any]) -> tuple[str, str]:
    """The plain text, and the error where there is none."""
    try:
        return render_template(source, variables), ""
    except lm.TemplateError as error:
        return "", str(error)


def reference(tok: Any) -> Any:
    """The same tokenizer and template as transformers has them."""
    import transformers

    fast: Any = transformers.PreTrainedTokenizerFast
    copy = tokenizers.Tokenizer.from_str(tok.backend.to_str())  # transformers sets padding on what it is given
    return fast(
        tokenizer_object=copy, bos_token=tok.bos_token, eos_token=tok.eos_token, chat_template=tok.chat_template
    )


WEATHER = {"type": "function", "function": {"name": "weather", "parameters": {"city": {"type": "string"}}}}

CONSTRUCTS = {
    "blocks": "  {% if messages %}\n    {{ messages[0].role }}\n  {% endif %}\n{# gone #}\nend\n",
    "loop controls": "{% for m in messages %}{% if loop.index == 2 %}{% continue %}{% endif %}"
    "{% if loop.index == 3 %}{% break %}{% endif %}{{ m.content }}{% endfor %}",
    "tojson": "{{ messages | tojson }}|{{ tools | tojson(indent=4) }}|{{ tools | tojson(ensure_ascii=True) }}|"
    "{{ tools | tojson(separators=(',', ':'), sort_keys=True) }}",
    "generation": "{% for m in messages %}{% generation %}"
    "{% set x = m.content %}{{ x }}{% endgeneration %}{{ x }}{% endfor %}",
    "clock": "{{ strftime_now('%Y %%') }}",
    "namespace": "{% set ns = namespace(n=0, self=2) %}"
    "{% for m in messages %}{% set ns.n = ns.n + ns.self %}{% endfor %}{{ ns.n }}",
    "dict": "{{ dict(a=1, b=[2]) }}{{ dict.fromkeys('ab', 0) }}",
    "variables": "{{ bos_token }}{{ eos_token }}{{ documents }}"
    "{{ tools }}{{ add_generation_prompt }}{{ extra }}{{ missing }}",
    "methods": "{{ messages[0].content.strip().split('i') }}"
    "{{ messages[1:] | length }}{{ messages[-1]['content'] | upper }}",
    "escapes": "{{ '<b>&\"' }}{{ messages[0].content | e }}{{ \"a\\nb\" }}",
    "macro": "{% macro f(x, n=2) %}{{ x * n }}{% endmacro %}{% for m in messages %}{{- f(m.role) }}{% endfor %}",
    "reasoning": "{% for m in messages %}{{ m.reasoning_content }}{{ m.thinking }}{% endfor %}",
    "none is dropped": "{% for m in messages %}{{ 'name' in m }}{{ m.content is defined }}{% endfor %}",
    "tuples": "{% for m in messages %}{% for pair in m.items() %}{{ pair }};{% endfor %}{{ m | dictsort | first }}"
    "{{ m.role.partition('s') }}{% endfor %}{{ (1, 2) }}{{ (1, 2, 3) }}{% set x %}{{ (1, 2) }}{% endset %}{{ x }}",
    "any content": "{% for m in messages if m.content is defined %}{{ m.content }}|{{ m.content | string | trim }}|"
    "{{ m.content | tojson }}{{ m.content is number }}{{ m.content is mapping }};{% endfor %}",
    "number keys": "{% for m in messages if m.by %}{{ m.by }}{{ m.by[1] }}{{ m.by['1'] }}{{ m.by | tojson }}"
    "{% for key in m.by %}{{ key is integer }}{% endfor %}{% endfor %}{{ messages | length }}",
    "autoescape": "{% autoescape true %}{{ messages[0].content }}{{ '<' ~ messages[0].content }}"
    "{% set x %}<{{ messages[0].content }}{% endset %}{{ x }}{% endautoescape %}{{ x }}"
    "{% autoescape extra.k %}{{ messages[0].content }}{% endautoescape %}",
    "white space of marks": "a\n {%- generation -%}\n {{ messages[0].content }}\n {%- endgeneration -%}\n b",
}  # fmt: skip
"""What templates are written with, one of each kind."""

# Texts that are hard on templates: white space at the ends, tokens, Jinja, quotes, many scripts.
texts = st.lists(
    st.sampled_from([" ", "\n", "\t", "\r\n", "\u3000", "\u2028", "a", "é", "شمس", "🎉", '"', "<b>", "&", "{{ x }}",
                     "{% if %}", "{# c #}", "\\n", "\x00", "user\n", "<|im_end|>", "<|im_start|>", "<|user|>",
                     "<|end|>", "<|eot_id|>", "<|start_header_id|>", "<|end_header_id|>", "</s>"])
    | st.text(max_size=4),
    max_size=6,
).map("".join)  # fmt: skip
turns = st.builds(lambda role, content: {"role": role, "content": content},
                  st.sampled_from(["user", "assistant", "system", "tool", "ipython", "narrator"]), texts)  # fmt: skip
calls = st.builds(lambda name, arguments: {"role": "assistant", "tool_calls": [
    {"type": "function", "function": {"name": name, "arguments": arguments}}]},
    st.sampled_from(["now", "weather"]), st.dictionaries(texts, st.integers() | texts, max_size=2))  # fmt: skip
conversations = st.lists(turns, min_size=1, max_size=5)
schemas = st.none() | st.lists(st.dictionaries(texts, st.integers() | texts, max_size=3), max_size=2)

_VALUES = st.sampled_from([
    "m.content", "m.role", "m['content']", "messages[0].content", "m.content | trim", "m.content[1:]",
    "m.content ~ m.role",
    "'<|' + m.role + '|>'", "m.content.strip().split('a') | join(', ')", "m | tojson", "tools | tojson(indent=2)",
    "m.content | tojson", "m.content | replace('a', m.role)", "'x a'.replace('a', m.content)",
    "', '.join([m.role, m.content])",
    "m.content | indent(2)", "m.content | upper", "'%s!' % m.content", "'{}'.format(m.content)", "m.content | length",
    "m.content | e", "m.content | center(20)", "loop.index", "bos_token", "missing", "m",
    "m.content.splitlines() | first",
    "m.content if loop.first else m.role", "f(m.content)", "m.content | title", "m.content | list", "m.content * 2",
    "m.content | wordwrap(4)", "m.content | reverse", "ns.text", "m.content | string | safe", "kept",
    "m.get('content')",
])  # fmt: skip
_PLAIN = st.sampled_from(["<|im_start|>", "\n", "  ", " a\n b", "<|im_end|>\n", "{# gone #}", "é"])
_OUTPUTS = st.one_of(_PLAIN, _VALUES.map("{{{{ {} }}}}".format), _VALUES.map("{{{{- {} -}}}}".format))
_BODIES = st.lists(_OUTPUTS, max_size=4).map("".join)
_STATEMENTS = st.one_of(
    _BODIES,
    _BODIES.map("{{% if loop.first and add_generation_prompt %}}{0}{{% else %}}\n{0}{{% endif %}}".format),
    _BODIES.map("{{% set kept %}}{}{{% endset %}}".format),
    _BODIES.map("{{% filter upper %}}{}{{% endfilter %}}".format),
    _BODIES.map("{{% call g() %}}{}{{% endcall %}}".format),
    _BODIES.map("{{% generation %}}{}{{% endgeneration %}}".format),
    _BODIES.map("{{% set ns.text = m.content ~ ns.text %}}{}".format),
    _BODIES.map(
        ("{{% for m in messages if m.role != 'user' %}}{}"
         "{{% if loop.index == 2 %}}{{% break %}}{{% endif %}}{{% endfor %}}").format
    ),
    _BODIES.map("{{% with m = messages[-1] %}}{}{{% endwith %}}".format),
)  # fmt: skip
TEMPLATES = st.lists(_STATEMENTS, max_size=4).map(
    lambda parts: (
        "{% set ns = namespace(text='') %}\n{% macro f(x) %}[{{ x }}\n]{% endmacro %}"
        "{% macro g() %}({{ caller() }}){% endmacro %}\n{% for m in messages %}" + "".join(parts) + "{% endfor %}\nend"
    )
)
