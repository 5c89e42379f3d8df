"""Files that a person takes away hold the library's own tokens."""

import csv
import io
import json

import lmloupe as lm
from ui.text.token_files import FIELDS, tokens_csv, tokens_json

TEXT = 'a "quoted", line\nnext 🤚 <|eot_id|>'


def encodings() -> dict[str, lm.Encoding]:
    return {name: lm.encode(lm.load_tokenizer(name), TEXT) for name in ("llama-3.1", "phi-3")}


def test_csv_holds_every_token() -> None:
    found = encodings()
    header, *rows = csv.reader(io.StringIO(tokens_csv(found).decode("utf-8-sig"), newline=""))
    assert tuple(header) == FIELDS
    tokens = [(name, token) for name, enc in found.items() for token in enc.tokens]
    assert len(rows) == len(tokens)
    for row, (name, token) in zip(rows, tokens, strict=True):
        assert (row[0], int(row[2]), row[3], row[4]) == (name, token.id, token.piece, token.text)
        assert bytes.fromhex(row[5]) == token.bytes
        assert (int(row[6]), int(row[7]), row[8]) == (token.start, token.end, str(token.is_special))


def test_json_gives_the_encodings_back() -> None:
    found = encodings()
    read = json.loads(tokens_json(found))
    assert read["text"] == TEXT
    for name, enc in found.items():
        assert [token["id"] for token in read["tokens"][name]] == enc.input_ids.tolist()
        assert b"".join(bytes.fromhex(token["bytes_hex"]) for token in read["tokens"][name]) == b"".join(
            token.bytes for token in enc.tokens
        )


def test_no_tokens_are_a_file_too() -> None:
    assert json.loads(tokens_json({})) == {"text": "", "tokens": {}, "removed": {}}
    assert tokens_csv({}).decode("utf-8-sig").strip() == ",".join(FIELDS)
