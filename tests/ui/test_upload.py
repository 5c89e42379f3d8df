"""Files of a person's own: kept in the session, said in one sentence when refused, a choice in every picker."""

from __future__ import annotations

import codecs
from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

import lmloupe as lm
from lmloupe.loading import tokenizer_file
from tests.support.pages import sentences
from ui.bar.text_file import decoded
from ui.tokenizers.upload import MAX_UPLOADS

APP = Path(__file__).parents[1] / "support" / "apps" / "upload_app.py"
FILE = b'{"model": {"type": "WordLevel", "vocab": {"hello": 0, "?": 1}, "unk_token": "?"}}'
CONFIG = b'{"bos_token": "hello", "eos_token": null, "chat_template": "{{ bos_token }}"}'
JSON = "application/json"
OWN = "upload:own.json"


def opened(*, several: bool = True, **params: str) -> AppTest:
    app = AppTest.from_file(str(APP), default_timeout=60)
    app.session_state["several"] = several
    app.query_params.update({"tokenizers": "phi-3", "text": "hello"} | params)
    return app.run()


def box(app: AppTest, label: str = "Your own tokenizer.json"):
    (found,) = [one for one in app.file_uploader if one.label == label]
    return found


def send(app: AppTest, *files: tuple[str, bytes]) -> AppTest:
    uploader = box(app)
    uploader.set_value([(name, data, JSON) for name, data in files]).run()
    assert not app.exception
    return app


def shown(app: AppTest) -> list[str]:
    return [code.value.split(" [")[0] for code in app.code]


def test_an_uploaded_tokenizer_is_chosen_stays_and_is_a_choice_in_the_other_pickers() -> None:
    app = send(opened(), ("own.json", FILE))
    assert [code.value for code in app.code][1:] == ["upload:own.json [0]"]
    app.text_area[0].set_value("goodbye").run()
    assert [code.value for code in app.code][1:] == ["upload:own.json [1]"]
    assert any("is a WordLevel model" in caption.value for caption in app.caption)
    app.session_state["several"], app.session_state["page"] = False, "another"
    app.run()
    for picker in ("tokenizer", "compare_with"):
        assert "own.json (uploaded)" in app.selectbox(key=picker).options
    app.selectbox(key="compare_with").select(OWN).run()
    assert shown(app) == ["llama-3.1", OWN]


def test_one_picker_takes_the_upload_itself() -> None:
    app = send(opened(several=False), ("own.json", FILE))
    assert shown(app) == [OWN, "phi-3"]
    assert app.query_params["tokenizer"] == OWN


def test_a_config_beside_it_names_bos_and_template() -> None:
    app = send(opened(), ("own.json", FILE), ("tokenizer_config (1).json", CONFIG))
    tok = app.session_state["uploads"][OWN]
    assert (tok.bos_token, tok.eos_token, tok.chat_template) == ("hello", None, "{{ bos_token }}")
    send(app, ("tokenizer_config.json", CONFIG))
    assert "tokenizer_config.json came with no tokenizer.json" in sentences(app)


def test_a_refused_file_is_one_sentence_and_no_error_stays_beside_the_next(monkeypatch: pytest.MonkeyPatch) -> None:
    app = send(opened(), ("*x*.json", b"\x80\x04K\x01."))
    assert len(app.error) == 1
    assert app.error[0].value.startswith(r"'upload\:\*x\*\.json' is a Python pickle".replace("'", r"\'"))
    with monkeypatch.context() as patched:
        patched.setattr(tokenizer_file, "_check_bytes", lambda *_: pytest.fail("opened again"))
        app.text_area[0].set_value("goodbye").run()
    assert len(app.error) == 1
    assert not box(app).proto.type  # the browser refuses no file by itself, beside which the error would stay
    send(app, ("good.json", FILE))
    assert not app.error
    assert shown(app) == ["phi-3", "upload:good.json"]


def test_no_more_than_three_and_one_that_is_removed_is_chosen_nowhere() -> None:
    app = opened()
    for i in range(MAX_UPLOADS):
        send(app, (f"{i}.json", FILE))
    assert box(app).proto.disabled
    app.button(key="remove_upload:1.json").click().run()
    assert shown(app) == ["phi-3", "upload:0.json", "upload:2.json"]
    assert app.query_params["tokenizers"] == "phi-3,upload:0.json,upload:2.json"
    assert not box(app).proto.disabled


def test_a_link_brings_no_upload_and_the_page_says_so_in_one_sentence() -> None:
    send(opened(), ("own.json", FILE))
    app = opened(tokenizers=f"phi-3,{OWN}")
    assert shown(app) == ["phi-3"]
    (said,) = [warning.value.replace("\\", "") for warning in app.warning]
    assert said == (
        "`tokenizers` in the link was ignored: only the session that uploaded own.json has it, so upload it here too "
        "to see the same."
    )
    app = opened(several=False, tokenizer=OWN)
    assert shown(app)[0] == "llama-3.1"
    assert len(app.warning) == 1


def test_a_folder_is_read_where_somebody_typed_it_and_never_for_a_link(tmp_path: Path) -> None:
    assert shown(opened(several=False, tokenizer=str(tmp_path)))[0] == "llama-3.1"
    app = opened(several=False, tokenizer=str(tmp_path))
    assert "no link reads a folder" in sentences(app)


def test_a_refused_name_is_said_and_its_chip_does_not_stay() -> None:
    app = opened()
    picker = app.multiselect(key="tokenizers")
    picker.proto.options.extend(["no slash"])  # AppTest types nothing that is not offered
    picker.set_value(["phi-3", "no slash"]).run()
    assert sentences(app).startswith("“no slash” was not taken over: it must be one of llama-3.1")
    assert app.multiselect(key="tokenizers").value == ["phi-3"]
    assert shown(app) == ["phi-3"]
    app.text_area[0].set_value("goodbye").run()
    assert not app.error


@pytest.mark.parametrize(
    "data",
    ["é\r\n".encode(), codecs.BOM_UTF8 + "é\r\n".encode(), "é\r\n".encode("utf-16"), b"\xfe\xff\x00\xe9\x00\r\x00\n"],
)
def test_a_text_file_is_decoded_and_keeps_its_line_ends(data: bytes) -> None:
    assert decoded(data, "a.txt") == "é\r\n"


@pytest.mark.parametrize(
    ("data", "because"),
    [
        ("é".encode("latin-1"), "is not UTF-8 text (at byte 1)"),
        (b"\xff\xfea", "is not UTF-16 text"),
        ("a".encode("utf-32"), "is UTF-32 text"),
        ("abc".encode("utf-16-le"), "has zero bytes"),
        (b"a" * 2_000_001, "has 2,000,001 characters"),
    ],
)
def test_any_other_file_is_refused_in_one_sentence(data: bytes, because: str) -> None:
    with pytest.raises(lm.InvalidTextError) as refused:
        decoded(data, "a.txt")
    assert because in str(refused.value)
    assert str(refused.value).startswith("'a.txt' ")


def test_an_opened_file_is_the_text_of_all_pages_also_where_no_link_holds_it() -> None:
    app = opened()
    long = " ".join(str(i * i) for i in range(30_000))  # too long for a link also where it is packed
    box(app, "Open a text file").set_value([("a.txt", long.encode(), "text/plain")]).run()
    assert app.text_area[0].value == long
    assert "does not carry the text" in sentences(app)
    box(app, "Open a text file").set_value([("b.bin", b"\xff", "text/plain")]).run()
    assert "'b.bin' is not UTF-8 text" in sentences(app)
    assert app.text_area[0].value == long
    box(app, "Open a text file").set_value([("c.txt", b"hello", "text/plain")]).run()
    assert not app.error
    assert app.text_area[0].value == "hello"
