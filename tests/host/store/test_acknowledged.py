"""That a person has seen an alarm: kept once, with name and time, through expiry and from the version before."""

from __future__ import annotations

from pathlib import Path

import pytest
from feeding import T0

from babbitt.errors import MarkRefused, UnknownEvent
from babbitt.store import marking
from babbitt.store.reader import StoreReader
from babbitt.store.upkeep import Upkeep
from babbitt.store.views import AcknowledgedView
from babbitt.store.waves import WaveShelf
from babbitt.store.writer import StoreWriter

DAY_MS = 86_400_000


@pytest.fixture
def store(tmp_path: Path) -> Path:
    """Two warnings, an alarm and a fact of two rooms."""
    writer = StoreWriter(tmp_path)
    with writer.transaction():
        for node in ("room-1", "room-2"):
            writer.host_event(writer.node("hall", node), T0, "assessment", "normal", "warning", 1, "warm")
        key = writer.node("hall", "room-1")
        writer.host_event(key, T0 + 1000, "assessment", "warning", "alarm", 2, "too warm")
        writer.host_event(key, T0 + 2000, "assessment", "alarm", "normal", 0, "over")
        writer.host_event(key, T0 + 3000, "gap", "", "", 1, "records are missing")
    writer.close()
    return tmp_path


def events(store: Path) -> dict[str, int]:
    reader = StoreReader(store)
    found = {f"{one.node} {one.text}": one.id for one in reader.events()}
    reader.close()
    return found


def seen(store: Path, *where: str) -> list[AcknowledgedView]:
    reader = StoreReader(store)
    found = reader.acknowledged(*where)
    reader.close()
    return found


def test_it_is_kept_with_name_and_time_and_the_first_stays(store: Path) -> None:
    key = events(store)
    first, second = key["room-1 warm"], key["room-1 too warm"]
    marking.acknowledge(store, [first, second], T0 + 9000, "Ann", "closed the door")
    marking.acknowledge(store, [key["room-2 warm"]], T0 + 9500, "Bob")
    (newest, *rest) = seen(store)
    assert (newest.node, newest.who, newest.note, newest.at, newest.t) == ("room-2", "Bob", "", T0 + 9500, T0)
    assert [(one.event, one.who, one.note) for one in rest] == [
        (second, "Ann", "closed the door"), (first, "Ann", "closed the door"),
    ]  # fmt: skip
    assert [one.node for one in seen(store, "hall", "room-2")] == ["room-2"]
    with pytest.raises(MarkRefused, match="acknowledged by Ann already"):
        marking.acknowledge(store, [first], T0 + 9900, "Bob")
    assert len(seen(store)) == 3


def test_what_cannot_be_is_refused_as_a_whole(store: Path) -> None:
    key = events(store)
    good = key["room-1 warm"]
    for bad, who, error, word in (
        (10**6, "Ann", UnknownEvent, "no event 1000000"),
        (key["room-1 over"], "Ann", MarkRefused, "is no alarm"),
        (key["room-1 records are missing"], "Ann", MarkRefused, "is no alarm"),
        (key["room-1 too warm"], " ", MarkRefused, "has a name"),
        (key["room-1 too warm"], "A\x1b", MarkRefused, "can be printed"),
        (good, "Ann", MarkRefused, "already"),
    ):
        with pytest.raises(error, match=word):
            marking.acknowledge(store, [good, bad], T0, who)
    assert seen(store) == []


def test_it_outlives_the_event_whose_number_is_not_given_again(store: Path) -> None:
    key = events(store)
    newest = max(key.values())
    marking.acknowledge(store, [key["room-1 too warm"]], T0, "Ann")
    writer = StoreWriter(store)
    upkeep = Upkeep(writer, WaveShelf(store / "waves"), {"events": 1}, lambda: (T0 + 3 * DAY_MS) / 1000)
    while upkeep.step():
        pass
    with writer.transaction():
        writer.host_event(
            writer.node("hall", "room-1"), T0 + 3 * DAY_MS, "assessment", "normal", "warning", 1, "again"
        )
    writer.close()
    left = events(store)
    assert left["room-1 again"] == newest + 1
    assert [(one.event, one.who) for one in seen(store)] == [(key["room-1 too warm"], "Ann")]
