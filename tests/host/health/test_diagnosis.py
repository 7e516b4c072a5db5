"""The cause of a fault: orders of bearings, families of lines, what is named and what is not."""

from __future__ import annotations

import numpy as np
import pytest
from machines import RATE, SHAFT, knocks, lines

from babbitt.errors import NotEnough, UnknownBearing
from babbitt.health.bearings import CATALOGUE, bearing
from babbitt.health.diagnosis import TURNS_MIN, WINDOW_TURNS, diagnose
from babbitt.health.drawing import draw
from babbitt.health.evidence import Capture
from babbitt.health.report import Machine, examine, windows
from babbitt.health.rotor import rotor

ORDERS = CATALOGUE["6205"].orders()


def test_orders_are_those_published_with_the_data_sets() -> None:
    one = bearing("6205-2RS")
    assert (one.inner, one.outer, one.ball, one.cage) == pytest.approx(
        (5.4152, 3.5848, 4.7135, 0.3983), rel=4e-4
    )
    femto = bearing("6804")
    assert (femto.outer, femto.inner, femto.ball / 2, femto.cage) == pytest.approx(
        (5.611, 7.389, 3.589, 0.432), rel=2e-3
    )
    ims = bearing("za-2115")
    hz = [2000 / 60 * order for order in (ims.outer, ims.inner, ims.ball / 2, ims.cage)]
    assert hz == pytest.approx([236.4, 296.9, 139.9, 14.8], rel=3e-3)
    given = bearing("8/10/50")  # 12 / 96 / 144 / 72 Hz at 1800 r/min
    assert [30 * order for order in (given.cage, given.outer, given.inner, given.ball / 2)] == pytest.approx(
        [12, 96, 144, 72]
    )


@pytest.mark.parametrize(
    "text", ["", "6399", "9/8", "9/40/8", "2.5/8/40", "9/8/40/0/1", "x/8/40", "nan/8/40", "9/0/40"]
)
def test_an_unknown_bearing_is_said(text: str) -> None:
    with pytest.raises(UnknownBearing, match="balls/ball mm/pitch mm/angle"):
        bearing(text)


@pytest.mark.parametrize("part", ["outer race", "inner race", "ball"])
def test_a_defect_is_named_with_its_lines(part: str) -> None:
    found = diagnose(knocks(ORDERS[part], turning=part == "inner race"), RATE, SHAFT, ORDERS)
    assert found.cause == part
    first = found.seen[0]
    assert first.family.hz / SHAFT == pytest.approx(ORDERS[part], rel=0.005)
    assert len(first.family.harmonics) == 4
    assert [one.cause for one in found.seen[1:]] != []
    assert f"{first.family.hz:.2f} Hz" in found.text
    assert "Ruled out" in found.text


def test_in_windows_with_gaps_it_is_found_too() -> None:
    x = knocks(ORDERS["outer race"], seconds=20)
    n = int(20 * RATE / SHAFT)
    rows = np.stack([x[at : at + n] for at in range(0, len(x) - n, n + 777)])
    assert diagnose(rows, RATE, SHAFT, ORDERS).cause == "outer race"
    assert (
        diagnose(knocks(1.0, strong=0, seconds=20)[: n * 8].reshape(8, n), RATE, SHAFT, ORDERS).cause
        == "none"
    )


def test_the_order_of_an_unknown_bearing_is_searched() -> None:
    found = diagnose(knocks(3.27), RATE, SHAFT)
    assert (found.cause, found.seen[0].order) == ("bearing", pytest.approx(3.27, rel=0.01))


def test_healthy_and_ambiguous_machines_are_not_accused() -> None:
    for seed in range(6):
        noise = knocks(1.0, strong=0, seed=seed)
        assert diagnose(noise, RATE, SHAFT, ORDERS).cause in ("none", "undetermined")
        assert diagnose(noise, RATE, SHAFT).cause in ("none", "undetermined")
    both = knocks(ORDERS["outer race"]) + knocks(ORDERS["ball"], seed=2)
    assert diagnose(both, RATE, SHAFT, ORDERS).cause == "undetermined"


@pytest.mark.parametrize(
    ("x", "rate", "shaft", "word"),
    [
        (np.zeros(100_000), RATE, SHAFT, "does not change"),
        (np.full(100_000, np.nan), RATE, SHAFT, "no number"),
        (np.ones(100_000), RATE, 0.0, "no number"),
        (np.random.default_rng(1).normal(size=2000), RATE, SHAFT, "are needed"),
        (np.random.default_rng(1).normal(size=(50, 512)), RATE, SHAFT, f"{WINDOW_TURNS} are needed"),
        (np.random.default_rng(1).normal(size=(1, 3000)), RATE, SHAFT, f"{TURNS_MIN} are needed"),
    ],
)
def test_what_nothing_can_be_told_from_is_refused(
    x: np.ndarray, rate: float, shaft: float, word: str
) -> None:
    with pytest.raises(NotEnough, match=word):
        diagnose(x, rate, shaft, ORDERS)


def axes(x: dict[float, float], y: dict[float, float], z: dict[float, float]) -> dict[str, np.ndarray]:
    return {
        name: lines(some, seed=n)[None] for n, (name, some) in enumerate(zip("xyz", (x, y, z), strict=True))
    }


@pytest.mark.parametrize(
    ("x", "y", "z", "cause"),
    [
        ({1: 4.0, 2: 0.3}, {1: 3.0}, {1: 0.5}, "imbalance"),
        ({1: 1.5, 2: 2.5}, {1: 1.0, 2: 2.0}, {2: 2.0}, "misalignment"),
        ({0.5: 0.9, 1: 2.0, 1.5: 0.8, 2: 0.9, 2.5: 0.7, 3: 0.8}, {1: 1.0}, {}, "looseness"),
        ({1: 2.0, 2: 1.5, 3: 1.2, 4: 1.0}, {}, {}, "undetermined"),
        ({1: 0.6, 2: 0.4}, {1: 0.5}, {}, "none"),
        ({}, {}, {}, "none"),
    ],
)
def test_lines_of_the_shaft_name_a_cause(
    x: dict[float, float], y: dict[float, float], z: dict[float, float], cause: str
) -> None:
    found = rotor(axes(x, y, z), RATE, SHAFT * 1.012)
    assert found.cause == cause
    if cause != "none":
        assert found.shaft_hz == pytest.approx(SHAFT, rel=0.003)
        said = {line.order: line.mm_s for line in found.lines}
        for order in (1.0, 2.0):
            true = float(np.hypot(np.hypot(x.get(order, 0), y.get(order, 0)), z.get(order, 0)))
            assert said[order] == pytest.approx(true, rel=0.15, abs=0.1)


def test_what_was_there_before_is_no_new_cause() -> None:
    well = rotor(axes({1: 3.0}, {1: 2.0}, {}), RATE, SHAFT)
    assert well.cause == "imbalance"
    assert rotor(axes({1: 3.3}, {1: 2.5}, {}), RATE, SHAFT, well).cause == "none"
    assert rotor(axes({1: 9.0}, {1: 7.0}, {}), RATE, SHAFT, well).cause == "imbalance"


def test_a_report_takes_the_axis_with_the_shocks_and_is_drawn() -> None:
    whole = axes({1: 4.0}, {1: 3.0}, {})
    whole["y"] = whole["y"] + knocks(ORDERS["outer race"])
    report = examine(Capture(whole, RATE), SHAFT, Machine(ORDERS))
    assert (report.axis, report.causes) == ("y", ("outer race", "imbalance"))
    text = draw(report, "pump <7> & co")
    assert "pump &lt;7&gt; &amp; co" in text
    assert "outer race: order 3.5" in text
    import xml.etree.ElementTree as ET

    assert ET.fromstring(text).tag.endswith("svg")
    with pytest.raises(NotEnough, match="range_g"):
        examine(Capture(whole, RATE), SHAFT, Machine(ORDERS), clip=10_000)


def test_shorter_windows_are_left_out() -> None:
    g = np.arange(25.0).reshape(25, 1)
    window = np.repeat([0, 1, 2], [10, 10, 5]).astype(np.int32)
    assert windows(g, window).shape == (2, 10, 1)
