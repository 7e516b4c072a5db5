"""The onset: when what is told began to show, and which machine of a site began first."""

from __future__ import annotations

import json
import math

import numpy as np

from babbitt.detection.baseline import LEARN
from babbitt.detection.onset import AGAIN, Onset
from babbitt.health.first import NEAR_MS, First, first
from babbitt.prognosis.machine import MachineAnalyser
from babbitt.protocol.assessment import Assessment, Asset
from babbitt.subject import changed

HOUR = 3_600_000


def began(scores: list[float]) -> int | None:
    onset = Onset()
    for t, score in enumerate(scores):
        onset.update(t, score)
        onset.restore(json.loads(json.dumps(onset.dump())))
    return onset.began


def test_the_onset_is_where_the_score_last_left_normal() -> None:
    assert began([0.1] * 20 + [0.6, 0.8, 1.2]) == 20
    assert began([0.1] * 20) is None
    assert began([0.6, 0.6] + [0.1] * AGAIN + [0.6, 1.2]) == 2 + AGAIN
    assert began([0.6, 0.6] + [0.1] * (AGAIN - 1) + [0.6, 1.2]) == 0
    assert began([0.6] + [0.45] * 50 + [1.2]) == 0  # in between it is neither


def told(since: int | None, level: str = "warning") -> Assessment:
    return Assessment(90 * HOUR, level, 1.5, 60, ("vib.x.rms",), "no trend", None, since_ms=since)


def test_of_several_that_are_told_the_earliest_is_named_with_those_that_followed() -> None:
    nodes = [
        ("hall", "Fan", told(35 * 60_000)),
        ("hall", "Press", told(0, "alarm")),
        ("hall", "Pump", told(5 * HOUR)),
        ("hall", "Saw", told(None, "normal")),
        ("yard", "Crane", told(0)),
        ("yard", "Belt", None),
    ]
    (one,) = first(nodes)
    assert one == First("hall", "Press", 0, (("Fan", 35 * 60_000), ("Pump", 5 * HOUR)))
    assert one.text == "At hall Press began first, Fan 35 min after it, Pump 5.0 h after it."


def test_what_began_long_after_is_another_story() -> None:
    assert first([("hall", "Fan", told(NEAR_MS + 1)), ("hall", "Press", told(0))]) == []


def test_a_machine_that_wears_says_when_it_began() -> None:
    one, rng = MachineAnalyser(Asset("hall", "m", "Machine", "machine", 3600, {})), np.random.default_rng(1)
    start = LEARN + 100
    news = []
    level = "learning"
    for n in range(start + 200):
        grown = math.exp(max(0, n - start) * 0.004)
        rms = 0.2 * grown * math.exp(rng.normal(0.0, 0.02))
        said = one.update(n * HOUR, {"vib.x.rms": rms, "vib.x.peak": 3 * rms})
        assert (said.since_ms is None) == (said.level in ("normal", "learning"))
        if (change := changed(level, said)) is not None:
            news.append((n, said.since_ms, change[3]))
        level = said.level
    at, since, text = news[0]
    assert since is not None
    assert start < since / HOUR < at - 20
    assert text.startswith("The host sees a change worth a look, carried by vib.x.")
    assert ", begun about " in text
    assert text.endswith(" before")
