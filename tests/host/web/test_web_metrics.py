"""What the host tells of itself: numbers that promtool accepts, and whether it does its work."""

from __future__ import annotations

import json
import subprocess
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import paho.mqtt.client as mqtt
import pytest

from babbitt.service import Host
from babbitt.vitals import Histogram, Vitals
from babbitt.web.metrics import exposition
from babbitt.web.server import WebServer


@pytest.fixture
def served(tmp_path: Path) -> Iterator[tuple[Host, WebServer]]:
    with (
        Host(tmp_path / "store", broker_listen="127.0.0.1:0") as host,
        WebServer(tmp_path / "store", vitals=host.vitals) as server,
    ):
        assert host.listening(20)
        yield host, server


def get(server: WebServer, path: str) -> tuple[int, str]:
    try:
        with urllib.request.urlopen(f"{server.url}{path}", timeout=10) as answer:
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as error:
        return error.code, error.read().decode()


def value(text: str, name: str) -> float:
    return next(float(line.split()[1]) for line in text.splitlines() if line.startswith(name + " "))


def test_numbers_follow_what_happens(served: tuple[Host, WebServer]) -> None:
    host, server = served
    client = mqtt.Client(mqtt.CallbackAPIVersion.VERSION2)
    client.connect("127.0.0.1", host.address[1])
    client.loop_start()
    before = value(get(server, "metrics")[1], "babbitt_messages_quarantined_total")
    client.publish("babbitt/1/hall/pump-7/data", b"nonsense", 1).wait_for_publish(10)
    import time

    end = time.monotonic() + 10
    # A message is quarantined inside a transaction, and counted after it.
    while value(
        text := get(server, "metrics")[1], "babbitt_messages_quarantined_total"
    ) == before or not value(text, "babbitt_messages_total"):
        assert time.monotonic() < end
        time.sleep(0.05)
    status, text = get(server, "metrics")
    assert status == 200
    assert value(text, "babbitt_commit_seconds_count") == value(text, "babbitt_messages_total") >= 1
    assert value(text, "babbitt_ready") == 1
    assert value(text, "babbitt_disk_free_bytes") > 0
    client.disconnect()
    client.loop_stop()


def test_who_is_not_ready_says_why(served: tuple[Host, WebServer]) -> None:
    host, server = served
    assert get(server, "readyz") == (200, json.dumps({"ready": True, "troubles": {}}, separators=(",", ":")))
    assert host.broker is not None
    host.broker.stop()
    import time

    end = time.monotonic() + 20
    while (answer := get(server, "readyz"))[0] == 200:
        assert time.monotonic() < end
        time.sleep(0.05)
    assert answer[0] == 503
    assert "no connection to the broker" in json.loads(answer[1])["troubles"]["broker"]


def test_a_page_without_a_host_is_not_ready(tmp_path: Path) -> None:
    with WebServer(tmp_path / "store") as server:
        assert get(server, "readyz")[0] == 503
        assert get(server, "metrics")[0] == 503


@pytest.mark.part("promtool")
def test_the_format_is_that_of_prometheus() -> None:
    vitals = Vitals(messages=3, troubles={"broker": "gone"})
    vitals.commits = Histogram()
    for seconds in (0.0005, 0.003, 9.0):
        vitals.commits.observe(seconds, 2)
    text = exposition(vitals)
    assert 'babbitt_commit_seconds_bucket{le="0.005"} 4' in text
    assert 'babbitt_commit_seconds_bucket{le="+Inf"} 6' in text
    assert value(text, "babbitt_ready") == 0
    done = subprocess.run(
        ["promtool", "check", "metrics"], input=text, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    names = [line.split()[2] for line in text.splitlines() if line.startswith("# TYPE")]
    assert (
        len(names)
        == len(set(names))
        == len([line for line in text.splitlines() if line.startswith("# HELP")])
    )
