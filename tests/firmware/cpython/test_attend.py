"""A node that sleeps stays awake for a waveform, so every window that can be configured must find its time."""

from __future__ import annotations

import asyncio
from typing import Any

from babbitt_node import taking
from babbitt_node.app import Node
from babbitt_node.config import validate
from babbitt_node.drivers import adxl345
from babbitt_node.samplers import vibration


class Named:
    """Attributes by name."""

    def __init__(self, **what: Any) -> None:
        self.__dict__.update(what)


def test_the_longest_window_is_taken() -> None:
    rates = next(row[1] for row in adxl345.SETTINGS if row[0] == "rate_hz")
    windows = next(row[1] for row in vibration.SETTINGS if row[0] == "window")
    taken = []

    class Sampler:
        """The slowest sensor with its longest window."""

        id = "vib"
        spec: dict[str, Any]

        def held(self) -> None:
            """Nothing is left of the record."""

        async def again(self) -> None:
            """Take a window."""
            taken.append(self.spec["window"])

    sampler = Sampler()
    sensor = {"id": "vib", "driver": "adxl345", "bus": "spi0", "rate_hz": min(rates), "window": max(windows)}
    asset = {"name": "P", "kind": "machine"}
    sampler.spec = validate({"asset": asset, "interval_s": 60, "sensors": [sensor]})["sensors"][0]

    async def step(node: Any, left_ms: int) -> bool:
        return await taking.step(node, left_ms)

    node = Named(
        _next_station=None,
        settled=(None,) * 5,
        station=Named(samplers=[sampler]),
        waves=Named(job={"sensor": "vib", "last": None}, step=step),
    )
    assert asyncio.run(Node.attend(node)) is True
    assert taken == [max(windows)]
