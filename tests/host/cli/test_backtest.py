"""`babbitt backtest` as a user runs it, on a store that `babbitt import` filled."""

from __future__ import annotations

import csv
import json
import math
import random
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from test_commands import run, said

from babbitt.cli.followed import Alarm, called
from babbitt.store.views import MarkView

BEGIN = datetime(2026, 11, 1, tzinfo=UTC)
FAULT = 1800
"""Record from which the pump is ill; one a minute."""


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two days of a pump with vibration, current and flow."""
    folder = tmp_path_factory.mktemp("backtest")
    rng = random.Random(4)
    with (folder / "pump.csv").open("w", newline="") as file:
        out = csv.writer(file)
        out.writerow(["time", "vib.x.rms [g]", "vib.x.peak [g]", "current.mean [A]", "flow.mean [l/min]"])
        for n in range(2880):
            load, ill = rng.gauss(0, 1), n >= FAULT
            rms = (0.3 + 0.2 * ill) * math.exp(rng.gauss(0, 0.03))
            peak = rms * rng.gauss(4, 0.2)
            current = 8 + 0.2 * load + rng.gauss(0, 0.02) + 0.3 * ill
            row = [rms, peak, current, 120 + 3 * load + rng.gauss(0, 0.3)]
            at = (BEGIN + timedelta(minutes=n)).isoformat()
            out.writerow([at, *(f"{value:.4f}" for value in row)])
    named = ("--site", "hall", "--node", "pump", "--kind", "machine")
    run("import", folder / "pump.csv", "--store", folder / "s", *named)
    return folder / "s"


def test_the_host_s_own_judgement_finds_the_event_before_it_was_known(store: Path) -> None:
    known = (BEGIN + timedelta(minutes=FAULT + 120)).isoformat()
    found = said("backtest", "hall", "pump", "--store", store, "--event", known)
    (alarm,) = found["alarms"]
    start = BEGIN.timestamp() * 1000 + FAULT * 60_000
    assert start <= alarm["start"] <= start + 15 * 60_000
    assert alarm["end"] is None
    assert alarm["drivers"][0].startswith("vib.x")
    assert 1.7 < found["events"][0]["hours_ahead"] <= 2.0
    told = run("backtest", "hall", "pump", "--store", store, "--event", known).stdout
    assert "own: 1 alarms" in told
    assert "Events: 1 of 1 were told" in told


def test_several_channels_together(store: Path) -> None:
    words = ("--detector", "together", "--channels", "current.mean,flow.mean")
    found = said("backtest", "hall", "pump", "--store", store, *words)
    assert len(found["alarms"]) == 1
    assert set(found["alarms"][0]["drivers"]) <= {"current.mean", "flow.mean"}
    assert said("backtest", "hall", "pump", "--store", store, *words, "--days", "0.7")["alarms"] == []
    early = (BEGIN + timedelta(hours=10)).isoformat()
    assert (
        said("backtest", "hall", "pump", "--store", store, *words, "--event", early)["events"][0][
            "hours_ahead"
        ]
        is None
    )


def test_what_a_channel_never_did(store: Path) -> None:
    known = (BEGIN + timedelta(minutes=FAULT + 30)).isoformat()
    words = ("--detector", "new", "--channels", "vib.x.rms", "--event", known)
    found = said("backtest", "hall", "pump", "--store", store, *words)
    start = BEGIN.timestamp() * 1000 + FAULT * 60_000
    assert any(start <= alarm["start"] <= start + 5 * 60_000 for alarm in found["alarms"])
    assert {driver for alarm in found["alarms"] for driver in alarm["drivers"]} == {"vib.x.rms"}
    assert found["events"][0]["hours_ahead"] is not None


def settings(folder: Path, *checks: dict[str, object]) -> Path:
    """A configuration of the pump's node with these checks."""
    sensor = {"id": "vib", "driver": "adxl345", "bus": "spi0", "axes": "x", "features": ["rms", "peak"]}
    whole = {"asset": {"name": "Pump", "kind": "machine"}, "sensors": [sensor], "checks": list(checks)}
    path = folder / "config.json"
    path.write_text(json.dumps(whole))
    return path


def test_other_checks_of_the_node_are_tried_before_it_gets_them(store: Path, tmp_path: Path) -> None:
    known = (BEGIN + timedelta(minutes=FAULT + 120)).isoformat()
    file = settings(
        tmp_path,
        {"id": "limit", "type": "limit", "channel": "vib.x.rms", "h": 400_000, "on_delay_s": 600},
        {"id": "tight", "type": "limit", "channel": "vib.x.rms", "h": 310_000},
        {"id": "usual", "type": "zscore", "channel": "vib.x.peak", "when": "always", "on_delay_s": 600},
        {"id": "never", "type": "limit", "channel": "vib.x.peak", "h": 15_000_000},
    )
    words = ("--detector", "checks", "--settings", file, "--event", known)
    found = said("backtest", "hall", "pump", "--store", store, *words)
    assert found["detector"] == "checks"
    assert found["records"] == 2880
    assert found["raised"] == 0
    assert found["checks"]["limit"] == found["checks"]["usual"] == 1
    assert found["checks"]["tight"] > 100  # too near: it would cry all day
    assert found["checks"]["never"] == 0
    (limit,) = [one for one in found["alarms"] if one["drivers"] == ["limit"]]
    start = BEGIN.timestamp() * 1000 + FAULT * 60_000
    assert limit["start"] == start + 600_000
    assert limit["end"] is None
    assert found["events"][0]["hours_ahead"] >= 1.8
    told = run("backtest", "hall", "pump", "--store", store, *words).stdout
    assert "By check: limit 1, tight " in told
    assert "The node itself raised 0 in that time." in told


def test_marks_of_a_check_count_for_its_own_alarms() -> None:
    def mark(key: int, t: int, check: str, verdict: str, origin: str = "node") -> MarkView:
        return MarkView(key, "hall", "pump", key, t, origin, check, None, "H", 1, verdict, t, t, "", "")

    alarms = [
        Alarm(1000, 2000, ("limit",)),
        Alarm(1000, None, ("tight",)),
        Alarm(9_000_000, None, ("limit",)),
    ]
    marks = [
        mark(1, 1500, "limit", "right"), mark(2, 1500, "tight", "wrong"), mark(3, 1500, "gone", "right"),
        mark(4, 1500, "limit", "wrong", "host"),
    ]  # fmt: skip
    found = called(alarms, marks, "node")
    assert (found.right, found.wrong, found.unmarked, found.missed) == (1, 1, 1, 1)


def test_settings_that_cannot_be_tried_are_said(store: Path, tmp_path: Path) -> None:
    where = ("backtest", "hall", "pump", "--store", store, "--detector", "checks")
    assert "has no checks" in run(*where, code=1).stderr
    file = settings(tmp_path, {"id": "a", "type": "limit", "channel": "vib.x.rms", "h": "much"})
    assert "checks[0].h" in run(*where, "--settings", file, code=1).stderr
    file = settings(tmp_path, {"id": "a", "type": "limit", "channel": "vib.x.rms", "h": 400_000})
    file.write_text(file.read_text().replace('"vib', '"fan'))
    assert (
        "check a: the node has no channel fan.x.rms; it has "
        in run(*where, "--settings", file, code=1).stderr
    )
    other = ("backtest", "hall", "pump", "--store", store, "--settings", file)
    assert "add --detector checks" in run(*other, code=1).stderr


@pytest.mark.parametrize(
    ("words", "word"),
    [
        (("--detector", "new", "--learn", "100"), "use at least 192"),
        (("--event", "yesterday"), "is no time"),
        (("--detector", "together", "--channels", "nothing.mean"), "has no channel nothing.mean"),
    ],
)
def test_what_cannot_be_is_said(store: Path, words: tuple[str, ...], word: str) -> None:
    assert word in run("backtest", "hall", "pump", "--store", store, *words, code=1).stderr


def test_too_few_records_are_said(store: Path) -> None:
    assert "Nothing was judged" in run("backtest", "hall", "pump", "--store", store, "--days", "0.02").stdout
