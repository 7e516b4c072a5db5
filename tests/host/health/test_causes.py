"""Gears, motors, cages, looseness and noise, on machines made from the equations of the cause."""

from __future__ import annotations

import xml.etree.ElementTree as ET
from collections.abc import Mapping

import numpy as np
import pytest

from babbitt.errors import NotEnough
from babbitt.health.bearings import CATALOGUE
from babbitt.health.diagnosis import CAGE_TURNS, diagnose
from babbitt.health.drawing import draw
from babbitt.health.electrical import ROTOR, STATOR, Motor, electrical
from babbitt.health.evidence import Capture
from babbitt.health.gears import gears
from babbitt.health.noise import noise
from babbitt.health.report import Machine, examine
from babbitt_tools.sim import causes as sim

RIG = sim.Rig()
ORDERS = CATALOGUE["6205"].orders()
TEETH, DRIVEN = 23, 57


def capture(axes: Mapping[str, np.ndarray], rate_hz: float = RIG.rate_hz, windows: int = 1) -> Capture:
    n = len(next(iter(axes.values()))) // windows
    return Capture({name: x[: windows * n].reshape(windows, n) for name, x in axes.items()}, rate_hz)


WELL = capture(sim.healthy(sim.Rig(seed=9)))
MESHING = capture(sim.gear(sim.Rig(seed=9), TEETH))


def test_gears_that_mesh_are_heard_and_not_accused() -> None:
    found = gears(MESHING, RIG.shaft_hz * 1.004, TEETH, DRIVEN)
    assert found.cause == "none"
    assert found.tones[0].hz == pytest.approx(TEETH * RIG.shaft_hz, abs=0.1)
    assert found.tones[0].over > 100
    assert "mesh as gears do" in found.text
    assert "Ruled out: driving gear" in found.text
    silent = gears(WELL, RIG.shaft_hz, TEETH)
    assert silent.cause == "none"
    assert "does not stand" in silent.text


@pytest.mark.parametrize(("driven", "gear"), [(None, "driving gear"), (DRIVEN, "driven gear")])
def test_a_bad_tooth_has_sidebands_of_its_own_shaft(driven: int | None, gear: str) -> None:
    bad = capture(sim.gear(RIG, TEETH, 1.5, driven))
    found = gears(bad, RIG.shaft_hz, TEETH, DRIVEN, MESHING)
    assert found.cause == "gear mesh"
    assert f"at the speed of the {gear}" in found.text
    spacing = RIG.shaft_hz * (TEETH / DRIVEN if driven else 1)
    sides = [tone for tone in found.tones if tone.name.startswith(gear)]
    assert len(sides) >= 4
    for tone in sides:
        away = abs(tone.hz - TEETH * RIG.shaft_hz) / spacing
        assert away == pytest.approx(round(away), abs=0.05)
    assert gears(bad, RIG.shaft_hz, TEETH, DRIVEN, bad).cause == "none"  # no news


def test_without_a_recording_before_sidebands_must_be_as_strong_as_the_mesh() -> None:
    assert gears(capture(sim.gear(RIG, TEETH, 2.0)), RIG.shaft_hz, TEETH).cause == "gear mesh"
    assert gears(capture(sim.gear(RIG, TEETH, 0.3)), RIG.shaft_hz, TEETH).cause == "none"


def test_a_mesh_that_has_grown_is_told_and_what_cannot_be_seen_is_said() -> None:
    worn = gears(capture(sim.gear(RIG, TEETH, mesh_g=0.9)), RIG.shaft_hz, TEETH, before=MESHING)
    assert (worn.cause, "3.0 times what it was" in worn.text) == ("gear mesh", True)
    fast = gears(MESHING, RIG.shaft_hz, 200)
    assert (fast.cause, "higher `rate_hz`" in fast.text) == ("undetermined", True)
    short = gears(capture(sim.gear(RIG, TEETH), windows=50), RIG.shaft_hz, TEETH, 400)
    assert "driven gear: its sidebands, 1.42 Hz apart, need windows of 2.8" in short.text


def test_twice_the_line_is_the_stator_where_it_can_be_told_from_the_shaft() -> None:
    found = electrical(capture(sim.stator(RIG, 50.0)), RIG.shaft_hz, Motor(50.0, 4))
    assert found.cause == STATOR
    assert found.tones[0].hz == 100.0
    assert found.tones[0].height == pytest.approx(3.0 * np.sqrt(1 + 0.49 + 0.16), rel=0.15)
    assert "4x of the shaft: it is 1.20 Hz away" in found.text
    assert electrical(WELL, RIG.shaft_hz, Motor(50.0)).cause == "none"
    was = electrical(
        capture(sim.stator(RIG, 50.0)), RIG.shaft_hz, Motor(50.0), capture(sim.stator(RIG, 50.0))
    )
    assert was.cause == "none"
    short = electrical(capture(sim.stator(RIG, 50.0), windows=20), RIG.shaft_hz, Motor(50.0, 4))
    assert short.cause == "undetermined"
    assert "needs windows of 3.3 s, these have 0.50 s" in short.text


def test_what_a_waveform_is_too_slow_or_too_short_for_is_said() -> None:
    slow = Capture({"x": np.random.default_rng(1).normal(size=(1, 4000))}, 200.0)
    assert "higher `rate_hz`" in electrical(slow, 24.7, Motor(50.0)).text
    short = Capture({"x": np.random.default_rng(1).normal(size=(200, 60))}, RIG.rate_hz)
    assert "too short" in noise(short, WELL).text
    assert examine(short, 1500.0, Machine(ORDERS), short).band.high_hz <= RIG.rate_hz / 2


def test_a_two_pole_motor_is_not_called_misaligned_in_a_short_window() -> None:
    """49.5 x 2 against 50 x 2: a window of half a second sees one line; one of ten seconds says which."""
    rig = sim.Rig(shaft_hz=49.5)
    machine = Machine(ORDERS, motor=Motor(50.0, 2))
    for made, cause in ((sim.misalignment(rig), "misalignment"), (sim.stator(rig, 50.0, 4.0), STATOR)):
        assert examine(capture(made), 49.5, machine).causes == (cause,)
        assert examine(capture(made, windows=20), 49.5, machine).causes == ()
    short = examine(capture(sim.misalignment(rig), windows=20), 49.5, machine)
    assert short.rotor.text.startswith("Not called misalignment")


def test_a_bent_shaft_shakes_along_the_shaft_and_an_imbalance_across_it() -> None:
    def named(made: dict[str, np.ndarray], axial: str | None) -> tuple[tuple[str, ...], str]:
        report = examine(capture(made), RIG.shaft_hz, Machine(ORDERS, axial=axial))
        return report.causes, report.rotor.text

    cause, text = named(sim.bent(RIG), "z")
    assert cause == ("bent shaft",)
    assert "1x along the shaft is 0.9" in text
    cause, text = named(sim.imbalance(RIG), "z")
    assert cause == ("imbalance",)
    assert "bent shaft: 1x along the shaft is 0.3" in text
    cause, text = named(sim.bent(RIG), None)  # not known which axis that is
    assert cause == ("imbalance",)
    assert text.startswith("Imbalance (or a bent shaft)")
    assert named(sim.bent(RIG), "w")[0] == ("imbalance",)


def test_broken_bars_have_sidebands_of_the_pole_pass_and_are_no_imbalance() -> None:
    report = examine(capture(sim.bars(RIG, 50.0, 4)), RIG.shaft_hz, Machine(ORDERS, motor=Motor(50.0, 4)))
    assert report.causes == (ROTOR,)
    assert "1.20 Hz away" in report.findings["electrical"].text
    assert report.rotor.text.startswith("Not called imbalance")
    assert examine(
        capture(sim.imbalance(RIG)), RIG.shaft_hz, Machine(ORDERS, motor=Motor(50.0, 4))
    ).causes == ("imbalance",)
    short = electrical(capture(sim.bars(RIG, 50.0, 4), windows=20), RIG.shaft_hz, Motor(50.0, 4))
    assert (short.cause, "broken bars cannot be told" in short.text) == ("none", True)


def test_the_speed_is_read_from_1x_and_the_poles_from_the_speed() -> None:
    assert Motor(50.0).pole_pass_hz(24.7) == pytest.approx(1.2)
    assert Motor(60.0).pole_pass_hz(58.0) == pytest.approx(4.0)
    assert Motor(50.0).pole_pass_hz(25.0) == 0.0
    about = electrical(capture(sim.bars(RIG, 50.0, 4)), RIG.shaft_hz * 0.995, Motor(50.0, 4))
    assert about.cause == ROTOR
    for motor, shaft in ((Motor(50.0, 6), 24.7), (Motor(50.0), 60.0)):
        with pytest.raises(NotEnough, match="turns at most"):
            motor.pole_pass_hz(shaft)


def test_a_cage_knocks_once_a_turn_of_its_own() -> None:
    x = sim.knocks(RIG, ORDERS["cage"])["x"]
    found = diagnose(x, RIG.rate_hz, RIG.shaft_hz, ORDERS)
    assert found.cause == "cage"
    assert found.seen[0].family.hz / RIG.shaft_hz == pytest.approx(ORDERS["cage"], rel=0.01)
    assert found.seen[0].sides is not None
    n = int(20 * RIG.rate_hz / RIG.shaft_hz)
    short = diagnose(x[: 12 * n].reshape(12, n), RIG.rate_hz, RIG.shaft_hz, ORDERS)
    assert f"windows of {CAGE_TURNS} turns" in short.text
    assert all(one.cause != "cage" for one in short.seen)
    for part in ("outer race", "inner race"):
        other = sim.knocks(RIG, ORDERS[part])["x"]
        assert diagnose(other, RIG.rate_hz, RIG.shaft_hz, ORDERS).cause == part
    driven = round(TEETH / ORDERS["cage"])
    geared = examine(capture({"x": x}), RIG.shaft_hz, Machine(ORDERS, TEETH, driven))
    assert geared.bearing.cause == "undetermined"
    assert geared.bearing.text.startswith("Not called the cage")


def test_a_foot_that_lifts_makes_halves_of_the_speed() -> None:
    report = examine(capture(sim.looseness(RIG)), RIG.shaft_hz, Machine(ORDERS))
    assert report.causes == ("looseness",)
    halves = [line for line in report.rotor.lines if line.order % 1]
    assert halves[0].over > 100


def test_bubbles_raise_the_floor_and_nothing_else_is_called_so() -> None:
    assert noise(capture(sim.cavitation(RIG)), WELL).cause == "broadband noise"
    text = noise(capture(sim.cavitation(RIG)), WELL).text
    assert "cavitation" in text
    assert "Ruled out: lines" in text
    assert noise(WELL, capture(sim.healthy(RIG))).cause == "none"
    rng = np.random.default_rng(4)
    at = np.cumsum(rng.uniform(40, 100, 900)).astype(int)
    knocks = rng.normal(0, 0.02, 64_000)
    knocks[at] += 2.0  # at random, so no lines; all frequencies, so a floor
    assert "by knocks" in noise(capture(dict.fromkeys("xyz", knocks)), WELL).text
    tuned = {n: x + sim.line(400.0, 1234.0, RIG.t) for n, x in sim.cavitation(RIG).items()}
    assert "so did lines" in noise(capture(tuned), WELL).text
    one = capture({"x": sim.cavitation(RIG)["x"], "y": sim.healthy(RIG)["y"]})
    assert "in some axes only" in noise(one, WELL).text
    assert "none of these axes" in noise(Capture({"q": np.ones((1, 6400))}, 6400.0), WELL).text


def test_noise_is_looked_for_against_before_only_and_explained_by_what_was_named() -> None:
    alone = examine(capture(sim.cavitation(RIG)), RIG.shaft_hz, Machine(ORDERS))
    assert alone.causes == ()
    assert set(alone.missing) == {"gears", "electrical", "noise"}
    geared = sim.gear(RIG, TEETH, 2.0, mesh_g=0.1)
    both = {n: x + geared[n] for n, x in sim.cavitation(RIG, 0.5).items()}
    before = capture(sim.gear(sim.Rig(seed=9), TEETH, mesh_g=0.1))
    report = examine(capture(both), RIG.shaft_hz, Machine(ORDERS, TEETH), before)
    assert report.causes == ("gear mesh",)
    assert report.findings["noise"].text.startswith("It may come from the gear mesh")


def test_all_that_was_said_is_drawn() -> None:
    machine = Machine(ORDERS, TEETH, DRIVEN, Motor(50.0, 4))
    report = examine(capture(sim.gear(RIG, TEETH, 1.5)), RIG.shaft_hz, machine, MESHING)
    root = ET.fromstring(draw(report, "fan"))
    texts = " ".join(one.text or "" for one in root.iter() if one.tag.endswith("text"))
    for word in ("gears: gear mesh", "electrical: none", "noise: none", "cage: order 0."):
        assert word in texts
    for one in report.findings.values():
        assert all(word in texts for word in one.text.split())
    marks = " ".join(one.text or "" for one in root.iter() if one.tag.endswith("title"))
    assert f"mesh, {report.findings['gears'].tones[0].hz:.2f} Hz" in marks
    assert "1x +pole pass" in marks
    slow = examine(MESHING, RIG.shaft_hz, machine, steady=False)
    assert slow.missing["electrical"] == "a constant speed"
