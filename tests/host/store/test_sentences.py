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
        ({"to": "learning"}, "vib.x.rms went from N to learning: 0.182 g"),
        ({"channel": None, "check": "sensor.vib", "to": "no_device"}, "Sensor vib: no device"),
        ({"channel": None, "check": "sensor.vib", "to": "ok"}, "Sensor vib works again"),
    ],
)
def test_an_event_of_a_check(given: dict[str, Any], said: str) -> None:
    assert sentences.event(**(USUAL | given)) == said
