"""Events of nodes as sentences."""

from __future__ import annotations

from typing import Any

import pytest

from babbitt.store import sentences

USUAL: dict[str, Any] = {
    "check": "vib.x.high",
    "channel": "vib.x.rms",
    "came_from": "N",
    "to": "H",
    "value": 0.182,
    "limit": 0.18,
    "unit": "g",
    "held_s": 30,
}


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({}, "vib.x.rms is above its warning limit: 0.182 g, limit 0.18 g, for 30 s"),
        ({"to": "LL", "held_s": 0}, "vib.x.rms is below its alarm limit: 0.182 g, limit 0.18 g"),
        ({"to": "L", "held_s": 0, "limit": None}, "vib.x.rms is below what is usual for it: 0.182 g"),
        ({"to": "H", "limit": None}, "vib.x.rms is above what is usual for it: 0.182 g, for 30 s"),
        ({"to": "N", "came_from": "H"}, "vib.x.rms is back to normal: 0.182 g"),
        ({"to": "N", "came_from": "learning"}, "vib.x.rms is learnt and judged from now on, at 0.182 g"),
        ({"to": "learning"}, "vib.x.rms learns anew what is usual for it"),
        ({"channel": None, "check": "sensor.vib", "to": "no_device"}, "Sensor vib: no device"),
        ({"channel": None, "check": "sensor.vib", "to": "ok"}, "Sensor vib works again"),
        (
            {"limit": None, "evidence": {"rate": -200, "per": 3600}, "rate": -0.2, "to": "L"},
            "vib.x.rms falls by 0.2 g an hour, to 0.182 g",
        ),
        (
            {"limit": None, "evidence": {"rate": 200, "limit": 100, "per": 60}, "rate": 0.2},
            "vib.x.rms rises by 0.2 g a minute, to 0.182 g",
        ),
        ({"to": "N", "rate": 0.0, "evidence": {"rate": 0}}, "vib.x.rms is back to normal: 0.182 g"),
        ({"limit": None, "evidence": {"gap": 300}, "held_s": 300}, "vib.x.rms has had no value for 5 min"),
        (
            {"limit": None, "evidence": {"least": 1, "most": 1}, "held_s": 3600},
            "vib.x.rms has not moved for 60 min: 0.182 g",
        ),
        (
            {"channel": None, "check": "bearing", "evidence": {"warnings": 2, "alarms": 1, "n": 3, "k": 2}},
            "bearing speaks: 2 of 3 checks are beyond their limits, 1 in alarm",
        ),
        (
            {
                "channel": None,
                "check": "b",
                "to": "N",
                "evidence": {"warnings": 1, "alarms": 0, "n": 3, "k": 2},
            },
            "b is back to normal: 1 of 3 checks are beyond their limits, 0 in alarm",
        ),
    ],
)
def test_an_event_of_a_check(given: dict[str, Any], said: str) -> None:
    assert sentences.event(**(USUAL | given)) == said
