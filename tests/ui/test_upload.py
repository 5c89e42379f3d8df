"""The box for uploads: kept in the session, said in one sentence when refused, removed on request."""

from __future__ import annotations

from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from lmloupe.loading import tokenizer_file as uploaded
from ui.tokenizers.upload import MAX_UPLOADS

APP = Path(__file__).parents[1] / "support" / "apps" / "upload_app.py"
FILE = b'{"model": {"type": "WordLevel", "vocab": {"hello": 0, "?": 1}, "unk_token": "?"}}'


def send(app: AppTest, name: str, data: bytes = FILE) -> AppTest:
    app.file_uploader[0].upload(name, data, "application/json").run()
    assert not app.exception
    return app


@pytest.fixture
def app() -> AppTest:
    return AppTest.from_file(str(APP), default_timeout=60).run()


def test_an_uploaded_tokenizer_encodes_and_stays(app: AppTest) -> None:
    send(app, "tokenizer.json")
    assert [code.value for code in app.code] == ["upload:tokenizer.json [0]"]
    app.text_input[0].set_value("goodbye").run()
    assert [code.value for code in app.code] == ["upload:tokenizer.json [1]"]
    assert "is a WordLevel model" in app.caption[0].value


def test_a_refused_file_is_one_sentence_and_is_opened_once(app: AppTest, monkeypatch: pytest.MonkeyPatch) -> None:
    send(app, "*x*.json", b"\x80\x04K\x01.")
    assert len(app.error) == 1
    assert app.error[0].value.startswith(r"'upload\:\*x\*\.json' is a Python pickle".replace("'", r"\'"))

    def opened(*_: object) -> None:
        pytest.fail("opened again")

    monkeypatch.setattr(uploaded, "_check_bytes", opened)
    app.text_input[0].set_value("goodbye").run()
    assert len(app.error) == 1
    monkeypatch.undo()
    send(app, "good.json")
    assert not app.error
    assert [code.value for code in app.code] == ["upload:good.json [1]"]


def test_no_more_than_three_and_one_can_be_removed(app: AppTest) -> None:
    for i in range(MAX_UPLOADS):
        send(app, f"{i}.json")
    assert app.file_uploader[0].proto.disabled
    assert len(app.code) == MAX_UPLOADS
    app.button[1].click().run()
    assert [code.value for code in app.code] == ["upload:0.json [0]", "upload:2.json [0]"]
    assert not app.file_uploader[0].proto.disabled


def test_another_session_sees_nothing_of_it(app: AppTest) -> None:
    send(app, "mine.json")
    assert not AppTest.from_file(str(APP), default_timeout=60).run().code
