"""What the host keeps and tells of a waveform: the cause, what it was compared with, events, failures, drawings."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from test_commands import fill, run, said
from test_diagnose import BIRTH, T0, kept

from babbitt.errors import NotEnough
from babbitt.examination import TRIES, Examination
from babbitt.health.examined import begun, redrawn
from babbitt.protocol.assessment import Assessment
from babbitt.protocol.cause import Examined
from babbitt.settings import FactsPart
from babbitt.store.diagnoses import DiagnosisShelf
from babbitt.store.reader import StoreReader
from babbitt.store.waves import WaveShelf
from babbitt.store.writer import StoreWriter

from machines import SHAFT, knocks, lines  # isort: skip

HOUR = 3_600_000
RPM = 60 * SHAFT
FACTS = FactsPart(rpm=RPM, bearing="6205")
OUTER, INNER = 3.5848, 5.4152


@pytest.fixture
def store(tmp_path: Path) -> Path:
    """A node that measures no speed."""
    fill(tmp_path / "s", ("birth", json.dumps(BIRTH | {"channels": []}).encode()))
    return tmp_path / "s"


def examine(store: Path, wave: str, facts: FactsPart = FACTS) -> Examined:
    examination = Examination(store, {"hall/pump-7": facts})
    examination.examine(wave)
    examination.close()
    one = DiagnosisShelf(store).load(wave)
    assert one is not None
    return one


def assess(store: Path, t: int, level: str) -> None:
    writer = StoreWriter(store)
    with writer.transaction():
        one = Assessment(t, level, 0.2, 95.0, (), "no trend", None)
        writer.assessment(writer.node("hall", "pump-7"), one, slot_ms=1)
    writer.close()


def events(store: Path, check: str) -> list[Any]:
    reader = StoreReader(store)
    try:
        return [one for one in reversed(reader.events()) if one.check == check]
    finally:
        reader.close()


def taken(store: Path, n: int, x: Any, hours: float, **more: Any) -> str:
    return kept(store, f"1-{n}", x, lines({1: 0.4}, seed=n + 2), t=T0 + round(hours * HOUR), **more)


def test_a_cause_is_told_once_and_again_when_it_is_another(store: Path) -> None:
    first = taken(store, 0, knocks(OUTER), 0)
    one = examine(store, first)
    assert (one.state, one.causes, one.words) == ("named", ("outer race",), "outer race of bearing 6205")
    assert (one.rpm_from, one.facts, one.steady, one.axis) == ("settings", FACTS, True, "x")
    assert one.rpm == pytest.approx(RPM)
    bearing = one.found[0].lines[0]
    assert bearing.over > 3
    assert bearing.hz == pytest.approx(OUTER * SHAFT, rel=0.01)
    assert "Ruled out: " in one.found[0].text
    assert set(one.missing) == {"gears", "electrical", "noise"}
    assert examine(store, first).causes == ("outer race",)  # as after a crash before it was kept
    examine(store, taken(store, 1, knocks(OUTER, seed=2), 1))
    examine(store, taken(store, 2, lines({1: 0.4}), 2))  # nothing is seen: what was named last is named still
    examine(store, taken(store, 3, knocks(OUTER, seed=3), 3))
    examine(store, taken(store, 4, knocks(OUTER, seed=4), 4, sensor="other"))
    examine(store, taken(store, 5, knocks(INNER, turning=True), 5))
    outer, inner = "outer race of bearing 6205", "inner race of bearing 6205"
    told = events(store, "cause")
    assert [(e.came_from, e.to, e.sev) for e in told] == [("", outer, 1), ("", outer, 1), (outer, inner, 1)]
    assert told[0].text.startswith(
        f"Cause, by waveform {first} of vib: {outer}. Outer race: lines of order 3.5"
    )
    assert " of other: " in told[1].text
    assert "Ruled out" not in told[2].text
    assert events(store, "examination") == []


def test_it_is_compared_with_the_newest_of_when_the_machine_was_normal_at_the_same_speed(store: Path) -> None:
    levels = {0: "normal", 3: "normal", 6: "warning", 9: "normal", 12: "normal"}
    for hour, level in levels.items():
        assess(store, T0 + hour * HOUR - 60_000, level)
    calm = lines({1: 0.4})
    taken(store, 0, calm, 0)
    well = taken(store, 3, calm, 3)
    taken(store, 6, calm, 6)  # while there was a warning
    taken(store, 9, calm, 9, by="check", of="x-high")  # a check of the node had been alarmed
    examine(store, taken(store, 12, knocks(OUTER), 12))  # a cause is named in it
    taken(store, 15, calm, 15)  # nobody knows how the machine was then
    taken(store, 16, calm, 15.5, sensor="other")
    one = examine(store, taken(store, 18, lines({1: 0.4}, seed=9), 18))
    assert one.reference == well
    assert (
        one.against
        == f"compared with {well}, taken while the machine was assessed normal, at {RPM:.0f} r/min"
    )
    assert "noise" not in one.missing
    assert [f.what for f in one.found] == ["bearing", "rotor", "noise"]
    assert one.state == "none"


def test_one_at_another_speed_is_not_compared_with(store: Path) -> None:
    channel = {"id": "shaft.rpm", "unit": "r/min", "exp": -3, "lo": 0, "hi": 10_000_000}
    fill(
        store,
        ("birth", json.dumps(BIRTH | {"boot": 2, "prev": {"boot": 1, "next": 0, "clean": True}, "oldest": {"boot": 2, "seq": 0},
                                      "channels": [channel]}).encode()),
        *(("data", json.dumps({"i": "9f3a01bc", "boot": 2, "seq": n, "q": 3,
                               "rows": [[10_000 * (n + 1), T0 + h * HOUR + 500, 0, round(share * RPM * 1000)]]}).encode())
          for n, (h, share) in enumerate([(0, 1.03), (5, 1.1), (10, 1.0)])),
    )  # fmt: skip
    assess(store, T0 - 60_000, "normal")
    assess(store, T0 + 5 * HOUR - 60_000, "normal")
    slow = taken(store, 0, lines({1: 0.4}), 0)
    taken(store, 1, lines({1: 0.4}), 5)
    last = taken(store, 2, lines({1: 0.4}), 10)
    one = examine(store, last)
    assert (one.rpm_from, one.reference) == ("tachometer", slow)
    WaveShelf(store)._named(slow).unlink()
    one = examine(store, last)
    assert one.reference is None
    assert "at other speeds (1954 r/min)" in one.against
    assert one.missing["noise"] == "a waveform of when the machine was well"


def test_without_a_speed_it_is_said_what_to_set(store: Path) -> None:
    wave = taken(store, 0, knocks(OUTER), 0)
    one = examine(store, wave, FactsPart())
    assert (one.state, one.words, one.found, one.rpm) == ("not examined", "not examined", (), None)
    assert 'set `rpm` in [machines."hall/pump-7"] of the settings' in one.text
    assert events(store, "cause") == events(store, "examination") == []
    told = run("diagnose", "hall/pump-7", "--store", store).stdout
    assert "Found: not examined." in told
    assert "set `rpm`" in told
    reader = StoreReader(store)
    with pytest.raises(NotEnough, match="nothing to draw"):
        redrawn(reader, one)
    reader.close()


def test_a_failure_is_kept_and_told_once(store: Path) -> None:
    wave = taken(store, 0, knocks(OUTER), 0)
    path = WaveShelf(store)._named(wave)
    path.write_bytes(path.read_bytes()[:-40])
    one = examine(store, wave)
    assert one.state == "failed"
    assert "is damaged" in one.text
    examine(store, wave)
    (event,) = events(store, "examination")
    assert (event.to, event.sev) == ("failed", 1)
    assert "could not be examined" in event.text
    headless = taken(store, 1, knocks(OUTER), 1)
    WaveShelf(store)._named(headless).write_bytes(b"BABBITT-WAVE 2\nno json\n")
    assert examine(store, headless).state == "failed"
    assert len(events(store, "examination")) == 2


def test_one_that_ends_its_process_is_given_up(store: Path) -> None:
    wave = taken(store, 0, knocks(OUTER), 0)
    view = WaveShelf(store).view(wave)
    DiagnosisShelf(store).save(begun(view, FACTS, 1, TRIES - 1))
    assert examine(store, wave).tries == TRIES
    DiagnosisShelf(store).save(begun(view, FACTS, 1, TRIES))
    one = examine(store, wave)
    assert (one.state, "without a word" in one.text) == ("failed", True)


def test_what_was_told_goes_with_its_waveform_and_newest_first(store: Path) -> None:
    waves = [taken(store, n, lines({1: 0.4}), n) for n in range(3)]
    shelf = DiagnosisShelf(store)
    assert shelf.missing() == waves
    for wave in (waves[0], waves[2]):
        examine(store, wave)
    assert shelf.missing() == [waves[1]]
    assert [one.wave for one in shelf.newest("hall", "pump-7", 10)] == [waves[2], waves[0]]
    assert [one.wave for one in shelf.newest("hall", "pump-7", 10, waves[2])] == [waves[0]]
    assert WaveShelf(store).prune(2**45, days=1) == 3
    assert list((store / "waves").rglob("*.*")) == []
    assert shelf.known() == []


def test_the_command_of_a_node_recounts_or_examines_its_newest(store: Path) -> None:
    assert "no waveform yet" in run("diagnose", "hall/pump-7", "--store", store, code=1).stderr
    assert "knows no node" in run("diagnose", "hall/nobody", "--store", store, code=1).stderr
    taken(store, 0, lines({1: 0.4}), 0)
    wave = taken(store, 1, knocks(OUTER), 1)
    now = said("diagnose", "hall/pump-7", "--store", store, "--rpm", RPM, "--bearing", "6205")
    assert (now["wave"], now["causes"]) == (wave, ["outer race"])
    assert run("status", "--store", store).stdout.count("cause") == 0
    examine(store, wave)
    told = run("diagnose", "hall/pump-7", "--store", store).stdout
    assert "1776 r/min by the settings; examined by the host" in told
    assert "Found: outer race of bearing 6205." in told
    assert "Not looked for: gears, which needs `teeth` in" in told
    assert "Compared with none" in told
    assert said("diagnose", "hall/pump-7", "--store", store)["facts"]["bearing"] == "6205"
    assert (
        "hall/pump-7: cause outer race of bearing 6205, by a waveform of"
        in run("status", "--store", store).stdout
    )
    (one,) = said("status", "--store", store)["diagnoses"]
    assert one["causes"] == ["outer race"]


def test_settings_are_the_defaults_of_the_command_and_options_go_before(
    store: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = tmp_path / "babbitt.toml"
    monkeypatch.setenv("BABBITT_CONFIG", str(settings))
    settings.write_text(
        f'[machines."hall/pump-7"]\nrpm = {RPM}\nbearing = "6205"\nteeth = "23/57"\nline_hz = 60\npoles = 4\n'
    )
    wave = taken(store, 0, knocks(OUTER), 0)
    found = said("diagnose", wave, "--store", store)
    assert found["rpm"] == pytest.approx(RPM)
    assert found["bearing"]["cause"] == "outer race"
    assert set(found["findings"]) == {"gears", "electrical"}
    other = said("diagnose", wave, "--store", store, "--bearing", "6203")
    assert other["bearing"]["cause"] != "outer race"
    for line, why in (
        ('bearing = "x"', "[machines.\"hall/pump-7\"] bearing: 'x' is not in the catalogue"),
        ('teeth = "2"', "[machines.\"hall/pump-7\"] teeth: '2' are no teeth"),
        ("poles = 4", '[machines."hall/pump-7"] poles: poles are of use with the line frequency only'),
        ("poles = 5\nline_hz = 50", '[machines."hall/pump-7"] poles: a motor has an even number'),
    ):
        settings.write_text(f'[machines."hall/pump-7"]\n{line}\n')
        assert why in run("diagnose", wave, "--store", store, code=1).stderr
        assert why in run("host", "--store", store, "--no-web", code=1).stderr


def test_what_was_told_is_drawn_as_it_was(store: Path) -> None:
    assess(store, T0 - 60_000, "normal")
    taken(store, 0, lines({1: 0.4}), 0)
    one = examine(store, taken(store, 1, knocks(OUTER), 1))
    reader = StoreReader(store)
    drawing = redrawn(reader, one)
    reader.close()
    assert drawing.startswith("<svg ")
    assert "1776 r/min, bearing 6205" in drawing
    assert "outer race: order 3.5" in drawing
    assert "Noise: " in drawing  # it is compared with what it was compared with
