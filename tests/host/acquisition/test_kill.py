"""kill -9 of the host and of the broker in mid-stream: nothing lost, nothing stored twice."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest
from nodesim import Node, until

from babbitt.acquisition.broker import EmbeddedBroker
from babbitt.service import Host
from babbitt.store.reader import StoreReader

COUNT = 2500


def test_host_and_broker_killed_in_mid_stream(tmp_path: Path) -> None:
    broker = EmbeddedBroker()
    broker.start()
    command = [sys.executable, "-c", "from babbitt.cli import main; main()", "host", "--no-web"]
    command += ["--store", str(tmp_path), "--broker", f"127.0.0.1:{broker.port}"]

    def launch() -> subprocess.Popen[bytes]:
        return subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)

    start_t = int(time.time() * 1000) - COUNT * 1000
    nodes = [Node(broker.port, f"n{n}", COUNT, start_t) for n in range(2)]
    host = launch()
    host_kills = broker_kills = 0
    try:
        end = time.monotonic() + 100
        covered = [False]
        while not all(covered):
            covered = [node.step() for node in nodes]
            assert time.monotonic() < end, [node.mark for node in nodes]
            done = sum(node.mark + 1 for node in nodes) / (2 * COUNT)
            if done > 0.2 * (host_kills + 1) and host_kills < 3:
                host.send_signal(signal.SIGKILL)
                host.wait(10)
                host_kills += 1
                host = launch()
            elif done > 0.5 and broker_kills == 0 and broker.pid is not None:
                os.kill(broker.pid, signal.SIGKILL)
                broker_kills += 1
            time.sleep(0.001)
        host.send_signal(signal.SIGINT)
        assert host.wait(20) == 0
    finally:
        for node in nodes:
            node.close()
        host.kill()
        broker.stop()
    assert (host_kills, broker_kills, broker.restarts) == (3, 1, 1)
    rows = StoreReader(tmp_path).ledger()
    assert [(r.received, r.missing, r.state) for r in rows] == [(COUNT, 0, "complete")] * 2


def test_the_broker_comes_back_on_its_port_when_it_dies() -> None:
    broker = EmbeddedBroker()
    broker.start()
    port, pid = broker.port, broker.pid
    assert pid is not None
    os.kill(pid, signal.SIGKILL)
    until(lambda: broker.restarts == 1 and broker.pid not in (None, pid))
    until(lambda: _answers(port))
    broker.stop()
    assert not _answers(port)
    assert broker.pid is None


def test_the_broker_ends_with_the_process_that_started_it(tmp_path: Path) -> None:
    code = "from babbitt.acquisition.broker import EmbeddedBroker as B; b = B(); b.start()"
    code += "; print(b.port, flush=True)"
    code += "; import time; time.sleep(60)"
    with subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE) as parent:
        assert parent.stdout is not None
        port = int(parent.stdout.readline())
        assert _answers(port)
        parent.kill()
    until(lambda: not _answers(port))


def test_two_hosts_with_one_port_are_told_so(tmp_path: Path) -> None:
    with Host(tmp_path / "a", broker_listen="127.0.0.1:0", kinds={}) as first:
        second = subprocess.run(
            [sys.executable, "-c", "from babbitt.cli import main; main()", "host", "--no-web", "--store",
             str(tmp_path / "b"), "--listen", f"127.0.0.1:{first.address[1]}"],
            capture_output=True, text=True, timeout=30, check=False,
        )  # fmt: skip
    assert second.returncode == 1
    assert "cannot listen on" in second.stderr
    assert len(second.stderr.splitlines()) == 1


def _answers(port: int) -> bool:
    try:
        socket.create_connection(("127.0.0.1", port), 1).close()
    except OSError:
        return False
    return True


def test_a_broker_that_cannot_be_started_for_a_while_comes_back(monkeypatch: pytest.MonkeyPatch) -> None:
    broker = EmbeddedBroker()
    broker.start()
    pid = broker.pid
    assert pid is not None
    monkeypatch.setattr(sys, "executable", "/nowhere/python")
    os.kill(pid, signal.SIGKILL)
    until(lambda: broker.restarts >= 1)
    monkeypatch.undo()
    until(lambda: broker.pid not in (None, pid) and _answers(broker.port))
    broker.stop()
