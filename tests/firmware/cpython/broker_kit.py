"""Brokers, nodes and watchers as processes and threads: what the tests of the MQTT client share."""

from __future__ import annotations

import json
import os
import queue
import signal
import socket
import subprocess
import threading
import time
from pathlib import Path

import paho.mqtt.client as paho
import pytest

TARGET = Path(__file__).with_name("mqtt_target.py")
WAIT_S = 30


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as probe:
        return int(probe.getsockname()[1])


class Broker:
    """A real broker in a process of its own, on the same port after a restart."""

    def __init__(self, command: list[str], port: int) -> None:
        self._command = command
        self.port = self.plain = port
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

    def stop_softly(self) -> None:
        """End the broker, so that it can be started again."""
        self.process.terminate()
        self.process.wait(WAIT_S)

    def stop(self) -> None:
        self.process.terminate()
        self.process.wait(WAIT_S)
        assert self.process.stdin is not None
        self.process.stdin.close()


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
