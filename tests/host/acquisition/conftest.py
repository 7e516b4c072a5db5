"""Both brokers, and a host on each of them."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from nodesim import Wire

from babbitt.acquisition.broker import EmbeddedBroker
from babbitt.service import Host


@pytest.fixture(
    scope="module", params=["embedded", pytest.param("mosquitto", marks=pytest.mark.part("mosquitto"))]
)
def broker_port(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[int]:
    """The port of a running broker: the embedded one, and Mosquitto."""
    if request.param == "embedded":
        broker = EmbeddedBroker()
        broker.start()
        yield broker.port
        broker.stop()
        return
    yield from _mosquitto(tmp_path_factory.mktemp("mosquitto"))


@pytest.fixture(scope="module", params=[pytest.param("mosquitto", marks=pytest.mark.part("mosquitto"))])
def mosquitto_port(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[int]:
    """The port of a running Mosquitto."""
    yield from _mosquitto(tmp_path_factory.mktemp("mosquitto"))


def _mosquitto(folder: Path) -> Iterator[int]:
    path = shutil.which("mosquitto", path=os.environ.get("PATH", "") + os.pathsep + "/usr/sbin")
    assert path is not None
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = int(probe.getsockname()[1])
    conf = folder / "mosquitto.conf"
    conf.write_text(
        f"listener {port} 127.0.0.1\nallow_anonymous true\nmax_queued_messages 0\nmax_inflight_messages 0\npersistence false\n"
    )
    process = subprocess.Popen([path, "-c", str(conf)], stderr=subprocess.DEVNULL)
    end = time.monotonic() + 10
    while True:
        try:
            socket.create_connection(("127.0.0.1", port), 1).close()
            break
        except OSError:
            assert time.monotonic() < end, "mosquitto does not start"
            time.sleep(0.02)
    yield port
    process.terminate()
    process.wait(10)


@pytest.fixture
def host(broker_port: int, tmp_path: Path) -> Iterator[Host]:
    """A host on that broker with an empty store and no analysers, listening."""
    with Host(tmp_path / "store", broker=f"127.0.0.1:{broker_port}", kinds={}) as running:
        assert running.listening(20)  # a node waits for $host; these tests publish at once
        yield running


@pytest.fixture
def wire(broker_port: int, host: Host, request: pytest.FixtureRequest) -> Iterator[Wire]:
    """A node of a name of its own on that broker; what it retained is removed afterwards."""
    name = request.node.originalname.replace("_", "-")[-32:].strip("-")
    one = Wire(broker_port, name)
    yield one
    one.send("birth", b"")
    one.send("state", b"")
    one.close()
