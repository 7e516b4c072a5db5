"""Decoding: the golden messages, the bad ones, and rules one by one."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from hypothesis import given
from hypothesis import strategies as st

from babbitt.errors import ProtocolError, VersionError
from babbitt.protocol.limits import VALUE_MAX
from babbitt.protocol.messages import KINDS, Data, decode, decode_kind, encode, parse_topic
from babbitt.protocol.schemas import schemas, text
from babbitt.protocol.waves import Chunk, encode_chunk

DOCS = Path(__file__).parents[3] / "docs" / "protocol"
GOLDEN = sorted((DOCS / "golden").glob("*.json"))
BAD = json.loads((DOCS / "golden" / "bad" / "index.json").read_text())


def kind(path: Path) -> str:
    return path.name.split(".")[0]


def test_there_is_a_golden_message_of_every_kind() -> None:
    assert {kind(path) for path in GOLDEN} == set(KINDS)


@pytest.mark.parametrize("path", GOLDEN, ids=lambda p: p.name)
def test_golden_messages_decode_and_meet_their_schema(path: Path) -> None:
    message = decode_kind(kind(path), path.read_bytes())
    jsonschema.Draft202012Validator(schemas()[kind(path)]).validate(json.loads(path.read_bytes()))
    assert decode_kind(kind(path), encode(message)) == message


@pytest.mark.parametrize("path", sorted((DOCS / "golden" / "wave").glob("*.bin")), ids=lambda p: p.name)
def test_golden_parts_decode(path: Path) -> None:
    chunk = decode("babbitt/1/hall/pump-7/wave/3-0", path.read_bytes())
    assert isinstance(chunk, Chunk)
    assert encode_chunk(chunk) == path.read_bytes()
    assert (chunk.i, chunk.id, chunk.parts) == ("9f3a01bc", "3-0", 2)


@pytest.mark.parametrize("bad", BAD, ids=lambda bad: bad["file"])
def test_bad_messages_are_refused_with_a_reason(bad: dict[str, str]) -> None:
    with pytest.raises(ProtocolError) as caught:
        decode(bad["topic"], (DOCS / "golden" / "bad" / bad["file"]).read_bytes())
    assert bad["reason"] in caught.value.reason
    assert caught.value.path == bad["path"]


def test_every_bad_file_is_listed() -> None:
    assert {p.name for p in (DOCS / "golden" / "bad").iterdir()} - {"index.json"} == {
        bad["file"] for bad in BAD
    }


def test_the_schemas_in_the_docs_are_current() -> None:
    there = {path.stem: path.read_text() for path in (DOCS / "schemas").glob("*.json")}
    assert there == {name: text(schema) for name, schema in schemas().items()}


@pytest.mark.parametrize(
    ("topic", "reason"),
    [
        ("babbitt/1/Hall/n/data", "site and node"), ("babbitt/1/hall//data", "site and node"),
        (f"babbitt/1/hall/{'n' * 33}/data", "site and node"), ("babbitt/1/hall/n/cmd/", "unknown kind"),
        ("babbitt/1/hall/n/wave", "unknown kind"), ("babbitt/1/hall/n/wave/3-0/x", "unknown kind"),
        ("babbitt/1/hall/n/host", "unknown kind"), ("other/1/hall/n/data", "not a topic"),
        ("babbitt/1/hall/n/wave/7", "unknown kind"), ("babbitt/1/hall/n\n/data", "site and node"),
    ],
)  # fmt: skip
def test_topics_that_are_none_of_ours(topic: str, reason: str) -> None:
    with pytest.raises(ProtocolError, match=reason):
        parse_topic(topic)


def test_another_major_version_has_an_error_of_its_own() -> None:
    with pytest.raises(VersionError, match="version 2 is not spoken here"):
        parse_topic("babbitt/2/hall/n/data")


def test_unknown_fields_are_ignored() -> None:
    assert decode_kind("commit", b'{"i":"9f3a01bc","boot":1,"seq":2,"new":{"x":[1]}}')


@pytest.mark.parametrize("what", ["birth", "state"])
@pytest.mark.parametrize("number", [b"1e999", b"-1e999", b"9" * 3000])
def test_what_is_kept_as_it_came_holds_no_number_others_cannot_read(what: str, number: bytes) -> None:
    good = next(path for path in GOLDEN if path.name.startswith(f"{what}.node.")).read_bytes()
    assert decode_kind(what, good)
    with pytest.raises(ProtocolError, match="beyond what can be held"):
        decode_kind(what, good.rstrip()[:-1] + b',"later":' + number + b"}")
    assert decode_kind(what, good.rstrip()[:-1] + b',"later":"' + number + b'","half":-1.5e-3}')


def _rows(rows: list[Any], seq: int = 0) -> bytes:
    return json.dumps({"i": "9f3a01bc", "boot": 1, "seq": seq, "q": 0, "rows": rows}).encode()


@pytest.mark.parametrize(
    ("rows", "seq", "path"),
    [
        ([], 0, "rows"), ([[0, None, 0, 1]] * 33, 0, "rows"), ([[0, None]], 0, "rows[0]"),
        ([[None, None, 0, 1]], 0, "rows[0][0]"), ([[-1, None, 0, 1]], 0, "rows[0][0]"),
        ([[0, None, None, 1]], 0, "rows[0][2]"), ([[0, None, 0, 1], [0, None, 0]], 0, "rows[1]"),
        ([[0, None, 0, VALUE_MAX + 1]], 0, "rows[0]"), ([[0, None, 0, -VALUE_MAX - 1]], 0, "rows[0]"),
        ([[0, None, 0, True]], 0, "rows[0][3]"), ([[0, None, 0] + [1] * 65], 0, "rows[0]"),
        ([[0, None, 0, 1]] * 2, 2**31 - 1, "rows[1]"),
    ],
)  # fmt: skip
def test_rules_of_rows(rows: list[Any], seq: int, path: str) -> None:
    with pytest.raises(ProtocolError) as caught:
        decode_kind("data", _rows(rows, seq))
    assert caught.value.path == path


value = st.none() | st.integers(-VALUE_MAX, VALUE_MAX)
good_rows = st.integers(0, 64).flatmap(
    lambda n: st.lists(
        st.tuples(
            st.integers(0, 2**53 - 1), st.none() | st.integers(0, 2**42),
            st.lists(value, min_size=n, max_size=n),
        ),
        min_size=1, max_size=32,
    )
)  # fmt: skip


@given(good_rows)
def test_every_row_within_the_rules_is_taken(rows: list[tuple[int, int | None, list[int | None]]]) -> None:
    listed = [[u, t, 0, *values] for u, t, values in rows]
    raw = json.dumps(
        {"i": "9f3a01bc", "boot": 1, "seq": 0, "q": 0, "rows": listed}, separators=(",", ":")
    ).encode()
    if len(raw) > 4096:
        with pytest.raises(ProtocolError, match="4096 are allowed"):
            decode_kind("data", raw)
        return
    message = decode_kind("data", raw)
    assert isinstance(message, Data)
    assert message.rows == listed


@given(st.sampled_from(sorted(KINDS)), st.binary(max_size=200))
def test_no_bytes_whatever_do_more_than_be_refused(name: str, raw: bytes) -> None:
    with pytest.raises(ProtocolError):
        decode_kind(name, b"\x00" + raw)
