"""The node's MQTT client on both runtimes against real brokers, Mosquitto and iotcore; paho-mqtt watches."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from broker_kit import Broker, Watcher, free_port


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
