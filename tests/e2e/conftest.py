"""What the end-to-end tests start, and end again whatever happens."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
from plant import HostProcess, Mosquitto, Plant

MakeHost = Callable[..., HostProcess]
MakePlant = Callable[..., Plant]


@pytest.fixture
def ending() -> Iterator[ExitStack]:
    """Whatever is pushed here ends with the test, last first."""
    with ExitStack() as stack:
        yield stack


@pytest.fixture
def make_host(tmp_path: Path, ending: ExitStack) -> MakeHost:
    """`make_host(*options)`: a running `babbitt host` with its store in tmp_path/store."""

    def make(*options: object) -> HostProcess:
        host = HostProcess(tmp_path, *options)
        ending.callback(host.kill)
        host.start()
        return host

    return make


@pytest.fixture
def make_plant(tmp_path: Path, ending: ExitStack) -> MakePlant:
    """`make_plant(port)`: boards on the broker at `port`, with the host's store in tmp_path/store."""

    def make(port: int, **settings: Any) -> Plant:
        plant = Plant(tmp_path, tmp_path / "store", port, **settings)
        ending.callback(plant.close)
        return plant

    return make


@pytest.fixture
def make_mosquitto(tmp_path: Path, ending: ExitStack, mosquitto_path: str) -> Callable[[], Mosquitto]:
    """`make_mosquitto()`: a running Mosquitto on a free port."""

    def make() -> Mosquitto:
        broker = Mosquitto(tmp_path, mosquitto_path)
        ending.callback(broker.kill)
        broker.start()
        return broker

    return make
