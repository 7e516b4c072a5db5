"""`babbitt mark`, `babbitt marks` and what `babbitt backtest` says of marks, as a user runs them."""

from __future__ import annotations

import csv
import math
import random
import shutil
import threading
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from test_commands import run, said

from babbitt.pipeline import Pipeline
from babbitt.store.state import State
from babbitt.store.writer import StoreWriter

BEGIN = datetime(2026, 11, 1, tzinfo=UTC)
WHERE = ("hall", "fan", "--store")


@pytest.fixture(scope="module")
def kept(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Twenty days of a fan: each day from the second to the fifth and on the tenth two hours of a door that rattles, at
    the end a fault. The host has judged them."""
    tmp_path = tmp_path_factory.mktemp("mark")
    rng = random.Random(4)
    with (tmp_path / "fan.csv").open("w", newline="") as file:
        out = csv.writer(file)
        out.writerow(["time", "vib.x.rms [g]", "vib.y.rms [g]"])
        for n in range(20 * 144):
            day, ten = divmod(n, 144)
            rattles = (2 <= day <= 5 or day == 10) and 60 <= ten < 72
            by = 3.0 if n > 19.5 * 144 else 1.36 if rattles else 1.0
            at = (BEGIN + timedelta(minutes=10 * n)).isoformat()
            out.writerow([at, *(f"{level * by * math.exp(rng.gauss(0, 0.02)):.5f}" for level in (0.3, 0.2))])
    named = ("--site", "hall", "--node", "fan", "--kind", "machine")
    run("import", tmp_path / "fan.csv", "--store", tmp_path / "s", *named)
    writer = StoreWriter(tmp_path / "s")
    pipeline, state = Pipeline(writer, threading.Event()), State.open(tmp_path / "s")
    while pipeline.step(state):
        pass
    state.close()
    writer.close()
    return tmp_path / "s"


@pytest.fixture
def store(kept: Path, tmp_path: Path) -> Path:
    """One of one's own, to write to."""
    shutil.copytree(kept, tmp_path / "s")
    return tmp_path / "s"


def test_alarms_are_listed_marked_and_what_follows_is_told(store: Path) -> None:
    listed = said("mark", *WHERE, store)
    alarms = [one["event"]["id"] for one in listed][::-1]
    assert len(alarms) == 6  # five doors and the fault
    assert {one["mark"] for one in listed} == {None}
    for event in alarms[:3]:
        found = said(
            "mark", "hall", "fan", event, "wrong", "--store", store, "--who", "ann", "--note", "the door"
        )
    assert found["tolerance"] | {"factor": 0} == {"factor": 0, "wrong": 3, "right": 0}
    told = run("mark", "hall", "fan", alarms[-1], "right", "--store", store).stdout
    assert "hall/fan: 1 of 4 marked alarms were right: 25 % (1 % to 75 %)" in told.replace(
        "25%", "25 %"
    ).replace("1% to 75%", "1 % to 75 %")
    assert "Thresholds of the host: raised 1" in told
    assert "after 3 alarms marked wrong and 1 alarm marked right" in told
    marks = {one["event"]["id"]: one["mark"] for one in said("mark", *WHERE, store)}
    assert (marks[alarms[0]]["verdict"], marks[alarms[0]]["who"], marks[alarms[0]]["note"]) == (
        "wrong",
        "ann",
        "the door",
    )
    table = run("mark", *WHERE, store).stdout
    assert table.count("wrong") == 3
    (one,) = said("marks", "--store", store)["nodes"]
    assert (one["host"]["right"], one["host"]["wrong"], one["host"]["unmarked"]) == (1, 3, 2)
    assert "fan" in run("marks", "--store", store, "--site", "hall").stdout
    run("mark", *WHERE, store, "--reset")
    (one,) = said("marks", "--store", store)["nodes"]
    assert (one["tolerance"]["factor"], one["host"]["wrong"]) == (1.0, 3)


def test_a_backtest_tells_what_the_marks_are_worth_without_judging_an_alarm_by_its_own(store: Path) -> None:
    alarms = [one["event"]["id"] for one in said("mark", *WHERE, store)][::-1]
    before = said("backtest", *WHERE, store)
    assert before["marks"] is None
    assert len(before["alarms"]) == 6
    for event in alarms[:5]:
        run("mark", "hall", "fan", event, "wrong", "--store", store)
    run("mark", "hall", "fan", alarms[5], "right", "--store", store)
    found = said("backtest", *WHERE, store)
    plain, followed = found["marks"]["without"], found["marks"]["as_judged"]
    assert (plain["right"], plain["wrong"], len(found["without_marks"])) == (1, 5, 6)
    # The first door comes before anything was said, so it is told in any case; the last one no longer is.
    assert followed["right"] == 1
    assert 1 <= followed["wrong"] < 5
    assert followed["missed"] == 0
    assert found["alarms"][0] == before["alarms"][0]
    told = run("backtest", *WHERE, store).stdout
    assert "By the marks: 1 of " in told
    assert "Had the thresholds not followed them: 6 alarms; 1 of 6 marked alarms right" in told


@pytest.mark.parametrize(
    ("words", "word"),
    [
        (("hall", "nobody"), "knows no node hall/nobody"),
        (("hall", "fan", "99", "right"), "has no event 99"),
        (("hall", "fan", "1"), "Say right, wrong, unsure or new-normal"),
        (("hall", "fan", "1", "right", "--reset"), "give no event with it"),
    ],
)
def test_what_cannot_be_marked_is_said(kept: Path, words: tuple[str, ...], word: str) -> None:
    assert word in run("mark", *words, "--store", kept, code=1).stderr


def test_a_site_nobody_knows_is_said(kept: Path) -> None:
    assert "no node of site mars" in run("marks", "--store", kept, "--site", "mars", code=1).stderr
