"""`$host`: who hears it, and when."""

from __future__ import annotations

import json
import queue
import time
from collections.abc import Iterator

import paho.mqtt.client as mqtt
import pytest
from paho.mqtt.enums import CallbackAPIVersion

from babbitt.acquisition.address import BrokerAddress
from babbitt.acquisition.presence import EVERY_S, Presence


@pytest.fixture
def heard(broker_port: int) -> Iterator[queue.Queue[mqtt.MQTTMessage]]:
    inbox: queue.Queue[mqtt.MQTTMessage] = queue.Queue()
    ready = queue.Queue[int]()
    client = mqtt.Client(CallbackAPIVersion.VERSION2)
    client.on_message = lambda _c, _u, message: inbox.put(message)
    client.on_subscribe = lambda *_: ready.put(1)
    client.on_connect = lambda c, *_: c.subscribe("babbitt/1/+/$host", 1)
    client.connect("127.0.0.1", broker_port)
    client.loop_start()
    ready.get(timeout=10)
    yield inbox
    client.disconnect()
    client.loop_stop()


def test_a_node_that_has_just_connected_is_greeted_by_a_live_copy(
    broker_port: int, heard: queue.Queue[mqtt.MQTTMessage]
) -> None:
    presence = Presence(BrokerAddress("127.0.0.1", broker_port), "greeter")
    presence.start([])
    try:
        presence.seen("north", born=True)
        first = heard.get(timeout=10)
        began = time.monotonic()
        presence.seen("north", born=False)
        presence.seen("north", born=True)
        second = heard.get(timeout=EVERY_S / 2)  # far ahead of the regular one
        assert time.monotonic() - began < EVERY_S / 2
        states = [json.loads(m.payload) for m in (first, second)]
        assert [m.topic for m in (first, second)] == ["babbitt/1/north/$host"] * 2
        assert not second.retain
        assert states[0]["session"] == states[1]["session"]
        assert states[1]["t"] >= states[0]["t"]
    finally:
        presence.stop()
    gone = heard.get(timeout=10)
    assert json.loads(gone.payload)["online"] is False
