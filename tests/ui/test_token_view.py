"""What the token view sends to the browser, and how Streamlit takes it. Drawing is in test_token_view_browser.py."""

from __future__ import annotations

import json
import re
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from streamlit.testing.v1 import AppTest

from lmloupe import embedded_tokenizers, load_tokenizer
from lmloupe.encodings.encoding import Encoding, encode
from ui.base import theme
from ui.components import token_view
from ui.components.token_view import ROLES, Selection, TokenRow, _read_selection
from ui.components.token_view.payload import build_payload, payload_version

APP = Path(__file__).parents[1] / "support" / "apps" / "token_view_app.py"
ASSETS = Path(token_view.__file__).parent
TEXT = "A coconut 🤚\n\tनमस्ते <|eot_id|> a\0b 🦜"


def unpack(payload: bytes) -> dict:
    """Read a payload as rows.js does."""
    length = int.from_bytes(payload[16:20], "little")
    header, body = json.loads(payload[20 : 20 + length]), payload[20 + length :]
    for row in header["rows"]:
        for name, place in row.items():
            if isinstance(place, list) and name not in ("pieces", "notes"):
                stored = 1 if place[2][0] == "=" else place[1]
                values = np.frombuffer(body, f"<{place[2].lstrip('=')}", count=stored, offset=place[0])
                row[name] = np.resize(values, place[1]).astype("i8")
        ends = np.cumsum(row["gaps"] + row["sizes"])
        row["starts"], row["ends"] = ends - row["sizes"], ends
    return header


def one_row(encoding: Encoding, **options) -> dict:
    return unpack(build_payload([TokenRow("row", encoding)], text=encoding.text, **options))["rows"][0]


def check_row(row: dict, encoding: Encoding) -> None:
    assert np.array_equal(row["ids"][row["slots"]], encoding.input_ids)
    assert np.array_equal(np.stack([row["starts"], row["ends"]], axis=1), encoding.offsets)
    ends = [0, *row["byteEnds"].tolist()]
    for slot, token, flags in zip(row["slots"].tolist(), encoding.tokens, row["flags"].tolist(), strict=True):
        assert row["pieces"][slot] == token.piece
        assert bytes(row["bytes"][ends[slot] : ends[slot + 1]].tolist()) == token.bytes
        assert bool(flags & 1) == token.is_special
        whole = token.bytes.decode(errors="ignore").encode() == token.bytes
        assert bool(flags & 2) == (not whole and not token.is_special)


@pytest.mark.parametrize("key", embedded_tokenizers())
@given(text=st.text(max_size=60))
@settings(max_examples=25, deadline=None)
def test_every_token_arrives_as_the_library_has_it(key, text):
    encoding = encode(load_tokenizer(key), text, add_special_tokens=True)
    payload = build_payload([TokenRow("row", encoding)], text=text)
    sent = unpack(payload)
    check_row(sent["rows"][0], encoding)
    assert sent["text"] == text[: sent["length"]]
    assert sent["length"] == len(text)  # characters in no token are shown too


def test_rows_lie_side_by_side():
    encodings = [encode(load_tokenizer(key), TEXT) for key in embedded_tokenizers()]
    sent = unpack(build_payload([TokenRow(e.tokenizer.name, e) for e in encodings], text=TEXT))
    assert [row["name"] for row in sent["rows"]] == list(embedded_tokenizers())
    for row, encoding in zip(sent["rows"], encodings, strict=True):
        check_row(row, encoding)
    assert sent["mostTokens"] == max(map(len, encodings))


def test_parts_of_an_emoji_are_flagged_and_have_their_bytes():
    row = one_row(encode(load_tokenizer("llama-3.1"), " 🤚"))
    ends = [0, *row["byteEnds"].tolist()]
    parts = [bytes(row["bytes"][ends[s] : ends[s + 1]].tolist()).hex(" ") for s in row["slots"].tolist()]
    assert parts == ["20 f0 9f", "a4", "9a"]
    assert row["flags"].tolist() == [2, 2, 2]


def test_a_cut_is_told_and_only_its_text_is_sent():
    text = "one two three four " * 500
    encoding = encode(load_tokenizer("llama-3.1"), text)
    header = unpack(build_payload([TokenRow("row", encoding)], text=text, max_tokens=100))
    row = header["rows"][0]
    assert len(row["slots"]) == 100
    assert row["count"] == len(encoding) == 2001
    assert row["facts"].endswith("first 100 of 2,001 tokens shown")
    assert header["text"] == text[: encoding.offsets[99, 1]]


@pytest.mark.parametrize(
    ("text", "facts"),
    [
        ("", "0 tokens"),
        ("Hello", "1 token · 5.00 characters per token"),
        ("Hello you", "2 tokens · 4.50 characters per token"),
    ],
)
def test_heading_counts(text, facts):
    assert one_row(encode(load_tokenizer("llama-3.1"), text))["facts"] == facts


def test_classes_fill_and_notes_follow_the_cut():
    encoding = encode(load_tokenizer("llama-3.1"), "The capital of France is Paris")
    row = TokenRow(
        "row",
        encoding,
        classes=["system", None, "user", "assistant", "tool", "special"],
        fill=[None, 0.0, 0.5, 1.0, 2.0, float("nan")],
        notes=list("abcdef"),
    )
    sent = unpack(build_payload([row], text=encoding.text))["rows"][0]
    assert sent["classes"].tolist() == [1, 0, 2, 3, 4, 5]
    assert sent["fill"].tolist() == [255, 0, 127, 254, 254, 255]
    assert sent["notes"] == list("abcdef")
    cut = unpack(build_payload([row], text=encoding.text, max_tokens=2))["rows"][0]
    assert (cut["classes"].tolist(), cut["fill"].tolist(), cut["notes"]) == ([1, 0], [255, 0], ["a", "b"])


def test_what_does_not_fit_is_refused():
    encoding = encode(load_tokenizer("llama-3.1"), "Hello you")
    with pytest.raises(ValueError, match="classes of 'row' has 1 values for 2 tokens"):
        TokenRow("row", encoding, classes=["user"])
    with pytest.raises(ValueError, match="fill of 'row' has 3 values"):
        TokenRow("row", encoding, fill=np.zeros(3))
    with pytest.raises(ValueError, match="'bot' is not a role"):
        TokenRow("row", encoding, classes=["bot", "user"])
    with pytest.raises(ValueError, match="'row' belongs to another text"):
        build_payload([TokenRow("row", encoding)], text="Hello me")


def test_what_lies_end_to_end_takes_few_bytes():
    text = "The quick brown fox jumps over the lazy dog, and 12 more. " * 500
    encoding = encode(load_tokenizer("llama-3.1"), text)
    payload = build_payload([TokenRow("row", encoding)], text=text)
    assert len(payload) < len(text) + 5 * len(encoding) + 2000


def test_modes_that_do_not_exist_are_refused():
    rows = [TokenRow("row", encode(load_tokenizer("llama-3.1"), "Hello"))]
    with pytest.raises(ValueError, match="colour_by is 'rank': use one of position, id, length"):
        build_payload(rows, text="Hello", colour_by="rank")
    with pytest.raises(ValueError, match="show is 'bytes': use one of text, ids, both"):
        build_payload(rows, text="Hello", show="bytes")


def test_the_version_changes_with_what_is_shown_and_with_nothing_else():
    encoding = encode(load_tokenizer("llama-3.1"), "Hello you")
    row = TokenRow("row", encoding)
    base = payload_version(build_payload([row], text="Hello you"))
    again = TokenRow("row", encode(load_tokenizer("llama-3.1"), "Hello you"))
    assert payload_version(build_payload([again], text="Hello you")) == base
    others = [
        build_payload([row], text="Hello you", show_whitespace=True),
        build_payload([row, row], text="Hello you"),
        build_payload([TokenRow("other", encoding)], text="Hello you"),
        build_payload([TokenRow("row", encoding, fill=[0, 1])], text="Hello you"),
        build_payload([row], text="Hello you", colour_by="id"),
        build_payload([row], text="Hello you", show="both"),
        build_payload([row], text="Hello you", export="picture"),
        build_payload([TokenRow("row", encoding, family="qwen2")], text="Hello you"),
    ]
    assert len({base, *map(payload_version, others)}) == 9


def test_a_selection_from_the_browser_is_checked():
    rows = [TokenRow("row", encode(load_tokenizer("llama-3.1"), "Hello you"))]
    state = {"version": "v", "row": 0, "index": 1}
    assert _read_selection(state, "v", rows) == Selection(0, 1)
    for wrong in ({"version": "older"}, {"row": 1}, {"row": -1}, {"index": 2}, {"index": "1"}, {"index": None}):
        assert _read_selection(state | wrong, "v", rows) is None
    assert _read_selection(None, "v", rows) is None
    assert _read_selection([1], "v", rows) is None


def test_it_runs_in_one_session_after_another():
    # The module is imported once and each AppTest has a runtime of its own, as a second server would.
    for _ in range(2):
        app = AppTest.from_file(str(APP)).run()
        assert not app.exception
        assert app.text[0].value == "selected: None"
        app.text_area[0].set_value(TEXT).run()
        assert not app.exception


def test_a_run_that_changes_nothing_of_the_rows_packs_nothing(monkeypatch):
    encoding = encode(load_tokenizer("qwen2"), "Hello you")
    packed = []
    monkeypatch.setattr(token_view, "build_payload", lambda *a, **k: packed.append(1) or build_payload(*a, **k))

    def script():
        import streamlit as st

        from ui.components import token_view

        kept = st.session_state
        view = token_view.token_view
        row = token_view.TokenRow(kept["name"], kept["encoding"], notes=kept["notes"])
        view([row], text=kept["encoding"].text, key="rows", show_whitespace=kept["whitespace"])

    app = AppTest.from_function(script)
    state = {"name": "a", "encoding": encoding, "notes": None, "whitespace": False}
    for number, change in enumerate(
        [{}, {"name": "b"}, {"encoding": encode(load_tokenizer("phi-3"), "Hello")}, {"whitespace": True}], start=1
    ):
        state |= change
        for name, value in state.items():
            app.session_state[name] = value
        for _ in range(2):
            assert not app.run().exception
        assert len(packed) == number
    for notes in (["x"] * len(state["encoding"]), ["y"] * len(state["encoding"])):
        app.session_state["notes"] = notes
        assert not app.run().exception
    assert len(packed) == number + 2


def test_colours_are_the_theme_s():
    css = token_view._colours()
    for number, pair in enumerate(zip(theme.TOKEN_COLOURS_LIGHT, theme.TOKEN_COLOURS_DARK, strict=True), start=1):
        assert f"--token-{number}: light-dark({pair[0]}, {pair[1]});" in css
    for role in ROLES:
        assert f"--role-{role}: light-dark({theme.ROLE_COLOURS_LIGHT[role]}," in css
    used = set(re.findall(r"var\((--(?:token|role)-\w+)", (ASSETS / "token_view.css").read_text("utf-8")))
    assert used == set(re.findall(r"--[\w-]+", css)) - {"--role-special"}


def test_script_and_packing_agree_on_names():
    assert f"const ROLES = {json.dumps(['none', *ROLES])};" in (ASSETS / "rows.js").read_text("utf-8")
