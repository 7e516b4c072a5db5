"""Checks rehearsed over stored records: the node's own code, recipes, breaks, and what cannot be."""

from __future__ import annotations

from typing import Any

import pytest

from babbitt.detection.rehearsal import Change, Rehearsal
from babbitt.errors import CheckUnknown
from babbitt_node.config import validate

CHANNELS = [
    {"id": "vib.x.rms", "unit": "g", "exp": -6, "lo": 0, "hi": 16_000_000},
    {"id": "temp.mean", "unit": "degC", "exp": -3, "lo": -55_000, "hi": 125_000},
]
T = 1_790_000_000_000


def checks(*asked: dict[str, Any]) -> tuple[list[dict[str, Any]], dict[str, Any]]:
    """Checks as a node has them: through its own validation."""
    config = validate(
        {
            "asset": {"name": "Fan", "kind": "machine"},
            "sensors": [
                {"id": "vib", "driver": "adxl345", "bus": "spi", "axes": "x", "rate_hz": 800, "window": 1024},
                {"id": "temp", "driver": "ds18b20", "bus": "onewire"},
            ],
            "checks": list(asked),
        }
    )
    return config["checks"], config["running"]


def play(
    one: Rehearsal, values: list[float], recipe: int = 0, start: int = 0, step_s: int = 10
) -> list[Change]:
    return [
        change
        for n, value in enumerate(values)
        for change in one.take(
            T + (start + n * step_s) * 1000, {"vib.x.rms": value, "temp.mean": 20.0}, recipe
        )
    ]


LIMIT = {
    "id": "shake",
    "type": "limit",
    "channel": "vib.x.rms",
    "h": 400_000,
    "hh": 900_000,
    "on_delay_s": 30,
}


def test_a_limit_with_its_delay() -> None:
    one = Rehearsal(CHANNELS, *checks(LIMIT), 10)
    said = play(one, [0.2] * 3 + [0.5] * 6 + [1.0] * 6 + [0.2] * 12)
    assert [(c.check, c.before, c.to, c.severity) for c in said] == [
        ("shake", "N", "H", 1), ("shake", "H", "HH", 2), ("shake", "HH", "N", 0),
    ]  # fmt: skip
    assert (said[0].t_ms - T) // 1000 == 30 + 30
    assert play(Rehearsal(CHANNELS, *checks(LIMIT), 10), [0.5] * 3) == []


def test_a_break_is_no_time_for_which_a_value_was_held() -> None:
    one = Rehearsal(CHANNELS, *checks(LIMIT), 10)
    assert play(one, [0.5]) == []
    assert play(one, [0.5, 0.5], start=3600) == []
    assert [c.to for c in play(one, [0.5, 0.5], start=3620)] == ["H"]


def test_each_recipe_has_what_it_learnt() -> None:
    usual = {"id": "usual", "type": "zscore", "channel": "vib.x.rms", "learn": 30, "when": "always"}
    one = Rehearsal(CHANNELS, *checks(usual), 10)
    quiet, loud = [0.2, 0.21, 0.19] * 20, [0.6, 0.62, 0.58] * 20

    def states(found: list[Change]) -> list[tuple[str, str]]:
        return [(c.before, c.to) for c in found]

    assert states(play(one, quiet, 1)) == [("learning", "N")]
    assert states(play(one, loud, 2, 1000)) == [("N", "learning"), ("learning", "N")]
    assert states(play(one, quiet, 1, 2000)) == []
    assert states(play(one, loud, 1, 3000))[0][1] in ("H", "HH")


def test_what_is_missing_is_judged_as_missing() -> None:
    gone = {"id": "gone", "type": "missing", "channel": "temp.mean", "on_delay_s": 20}
    one = Rehearsal(CHANNELS, *checks(gone), 10)
    said = [
        change
        for n in range(10)
        for change in one.take(T + n * 10_000, {"vib.x.rms": 0.2, "temp.mean": 20.0 if n < 4 else None})
    ]
    assert len(said) == 1
    assert said[0].severity > 0


def test_a_channel_that_is_not_there_is_named() -> None:
    other = [{"id": "flow.mean", "unit": "l/min", "exp": -3, "lo": 0, "hi": 1000}]
    with pytest.raises(
        CheckUnknown, match=r"check shake: the node has no channel vib\.x\.rms; it has flow\.mean"
    ):
        Rehearsal(other, *checks(LIMIT), 10)
    made, running = checks()
    with pytest.raises(CheckUnknown, match=r"running: the node has no channel vib\.x\.rms"):
        Rehearsal(other, made, running | {"channel": "vib.x.rms"}, 10)
