"""This PC remembers which board is which node."""

from __future__ import annotations

import json
import threading
from datetime import UTC, datetime
from pathlib import Path

import pytest

from babbitt_tools.errors import BoardError
from babbitt_tools.node import known, session

A, B = "24:0a:c4:00:00:0a", "24:0a:c4:00:00:0b"


@pytest.fixture(autouse=True)
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    path = tmp_path / "a" / "boards.json"
    monkeypatch.setenv("BABBITT_BOARDS", str(path))
    return path


def test_it_is_where_the_environment_says_or_in_the_users_data(
    place: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert known.place() == place
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))
    for nothing in ("", None):
        if nothing is None:
            monkeypatch.delenv("BABBITT_BOARDS")
        else:
            monkeypatch.setenv("BABBITT_BOARDS", nothing)
        assert known.place() == tmp_path / "data" / "babbitt" / "boards.json"


def test_a_board_is_remembered(place: Path) -> None:
    assert known.boards() == {}
    assert known.others("plant/one") == {}
    begun = datetime.now(UTC).replace(microsecond=0)
    assert known.remember(A, "plant/one", "ESP32_GENERIC", "0.1.0") == []
    entry = known.boards()[A]
    assert begun <= datetime.fromisoformat(entry.pop("flashed")) <= datetime.now(UTC)
    assert entry == {"node": "plant/one", "board": "ESP32_GENERIC", "firmware": "0.1.0"}
    assert known.remember(A, "plant/one", "ESP32_GENERIC", "0.2.0") == []
    assert known.boards()[A]["firmware"] == "0.2.0"
    assert [p.name for p in place.parent.iterdir()] == ["boards.json"]


def test_a_node_is_one_board_and_a_board_one_node() -> None:
    known.remember(A, "plant/one", "x", "1")
    assert known.remember(B, "plant/one", "x", "1") == [A], "the board that was it before"
    assert set(known.boards()) == {B}
    known.remember(B, "plant/two", "x", "1")
    assert {mac: e["node"] for mac, e in known.boards().items()} == {B: "plant/two"}


def test_boards_that_were_swapped_are_noticed() -> None:
    known.remember(A, "plant/one", "x", "1")
    known.remember(B, "plant/two", "x", "1")
    assert known.others("plant/one") == {B: "plant/two"}
    assert known.others("plant/three") == {A: "plant/one", B: "plant/two"}
    plan = {"chip": None, "flash_bytes": None, "mac": None, "others": known.others("plant/one")}
    found = {"chip": "esp32", "flash_bytes": 4 << 20}
    assert session.objection(plan, found | {"mac": A}) is None
    wrong = session.objection(plan, found | {"mac": B})
    assert wrong is not None
    assert wrong[0] == "wrong_board"
    assert "which is plant/two: are two boards swapped? --replace" in wrong[1]


@pytest.mark.parametrize(
    "content", ["", "{", "[]", "null", '"a"', '{"a": 5}', '{"a": {}}', '{"a": {"node": 5}}', "\xff"]
)
def test_a_damaged_file_is_told_and_not_overwritten(content: str, place: Path) -> None:
    place.parent.mkdir()
    place.write_text(content, "latin-1")
    for what in (known.boards, lambda: known.others("a/b"), lambda: known.remember(A, "a/b", "x", "1")):
        with pytest.raises(BoardError, match=rf"{place} .*which board is which node; repair or remove it"):
            what()
    assert place.read_text("latin-1") == content


def test_a_place_that_cannot_be_written_is_told(place: Path) -> None:
    place.parent.write_text("a file, not a folder")
    with pytest.raises(BoardError, match=rf"{place} cannot be "):
        known.remember(A, "a/b", "x", "1")


def test_boards_that_are_ready_at_once_are_all_remembered(place: Path) -> None:
    """As `flash_all` does it: a thread a board."""
    gate = threading.Barrier(8)

    def one(number: int) -> None:
        gate.wait()
        for turn in range(5):
            known.remember(f"mac-{number}-{turn}", f"plant/n{number}-{turn}", "x", "1")

    threads = [threading.Thread(target=one, args=(n,)) for n in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(known.boards()) == 40
    assert len(json.loads(place.read_text())) == 40
