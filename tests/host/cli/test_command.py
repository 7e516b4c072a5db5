"""`babbitt command` and `babbitt waves` against a node that is played by a bare MQTT client."""

from __future__ import annotations

import json
import threading
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import paho.mqtt.client as mqtt
import pytest
from test_commands import GOLDEN, run, said

from babbitt.acquisition.address import BrokerAddress
from babbitt.acquisition.broker import EmbeddedBroker
from babbitt.cli.command import Exchange, build
from babbitt.errors import BrokerError, CommandRefused, NodeSilent
from babbitt.protocol.messages import WaveInfo
from babbitt.store.waves import WaveShelf
from babbitt.store.writer import StoreWriter

ROOT = "babbitt/1/hall/pump-7/"
STATE = json.loads((GOLDEN / "state.node.json").read_text())
BIRTH = json.loads((GOLDEN / "birth.node.json").read_text())
NOTHING = {"sensor": None, "axes": None, "samples": None}


@pytest.fixture(scope="module")
def port() -> Iterator[int]:
    broker = EmbeddedBroker()
    broker.start()
    yield broker.port
    broker.stop()


class FakeNode:
    """Answers each command with what `answers` gives for it: dicts for `ack`, or (topic, dict)."""

    def __init__(
        self, port: int, state: dict[str, Any] | None, answers: Callable[[dict[str, Any]], list[Any]]
    ) -> None:
        self.heard: list[dict[str, Any]] = []
        self._answers = answers
        self._ready = threading.Event()
        self.client = mqtt.Client(mqtt.CallbackAPIVersion.VERSION2)
        self.client.on_message = self._take
        self.client.on_subscribe = lambda *_: self._ready.set()
        self.client.connect("127.0.0.1", port)
        self.client.loop_start()
        self.client.subscribe(ROOT + "cmd", 1)
        assert self._ready.wait(10)
        raw = b"" if state is None else json.dumps(state).encode()
        self.client.publish(ROOT + "state", raw, 1, retain=True).wait_for_publish(10)

    def _take(self, _client: object, _data: object, message: mqtt.MQTTMessage) -> None:
        one = json.loads(message.payload)
        assert not message.retain
        self.heard.append(one)
        for answer in self._answers(one):
            topic, said = answer if isinstance(answer, tuple) else ("ack", answer)
            base = {"i": one["i"], "boot": one["boot"], "n": one["n"], "id": one["id"], "cmd": one["cmd"]}
            whole = base | said if topic == "ack" else said
            self.client.publish(ROOT + topic, json.dumps(whole), 1)

    def __enter__(self) -> FakeNode:
        return self

    def __exit__(self, *_: object) -> None:
        self.client.publish(ROOT + "state", b"", 1, retain=True).wait_for_publish(10)
        self.client.disconnect()
        self.client.loop_stop()


def done(_: dict[str, Any]) -> list[Any]:
    return [{"state": "done"}]


def exchange(port: int, wait: float = 10.0, do: str = "report") -> Any:
    return Exchange(BrokerAddress("127.0.0.1", port), "hall", "pump-7").run(build(do, [], NOTHING), wait)


def test_words_become_a_command() -> None:
    assert build("relearn", [], NOTHING).checks is None
    assert build("release", ["a", "b.c"], NOTHING).checks == ["a", "b.c"]
    assert build("recipe", ["255"], NOTHING).recipe == 255
    assert build("identify", ["30"], NOTHING).seconds == 30
    made = build("capture", [], {"sensor": "vib", "axes": "xz", "samples": 64})
    assert (made.sensor, made.axes, made.samples) == ("vib", "xz", 64)


@pytest.mark.parametrize(
    ("do", "what", "capture", "reason"),
    [
        ("explode", [], {}, "there is no command explode; there are capture, identify"),
        ("wave", [], {}, "there is no command wave"), ("recipe", [], {}, "takes one number, got none"),
        ("recipe", ["256"], {}, "^recipe: expected 0 to 255$"), ("recipe", ["-1"], {}, "takes one number"),
        ("identify", ["0"], {}, "^identify: seconds: expected 1 to 600$"),
        ("reboot", ["now"], {}, "takes no more words"), ("capture", ["vib"], {}, "takes no more words"),
        ("relearn", ["Bad Id"], {}, "checks"),
        ("capture", [], {"axes": "zx"}, "^capture: axes: expected one of x, y, z, xy, xz, yz, xyz$"),
        ("capture", [], {"samples": 63}, "samples: expected 64 to 16384"), ("capture", [], {"sensor": "A"}, "sensor"),
        ("report", [], {"axes": "x"}, "--axes is for capture"),
    ],
)  # fmt: skip
def test_words_that_are_no_command(do: str, what: list[str], capture: dict[str, Any], reason: str) -> None:
    with pytest.raises(CommandRefused, match=reason):
        build(do, what, NOTHING | capture)


def test_a_command_names_boot_and_the_next_number(port: int) -> None:
    with FakeNode(port, STATE, done) as node:
        outcome = exchange(port)
        assert (outcome.ack.state, outcome.boot) == ("done", 3)
        (one,) = node.heard
        assert (one["i"], one["boot"], one["n"], one["cmd"]) == ("9f3a01bc", 3, 8, "report")


def test_where_another_sender_was_faster_the_next_number_is_taken(port: int) -> None:
    def answers(one: dict[str, Any]) -> list[Any]:
        if one["n"] < 21:
            return [{"state": "refused", "error": "replayed", "n": 20, "boot": 4}]
        return [{"id": "c-other", "state": "failed"}, {"state": "taken"}, {"state": "done", "wave": "4-0"}]

    with FakeNode(port, STATE, answers) as node:
        outcome = exchange(port, do="capture")
        assert (outcome.ack.state, outcome.ack.wave, outcome.boot) == ("done", "4-0", 4)
        assert [(one["boot"], one["n"]) for one in node.heard] == [(3, 8), (4, 21)]
        assert node.heard[0]["id"] != node.heard[1]["id"]
    with FakeNode(port, STATE, lambda _: [{"state": "refused", "error": "replayed", "n": 20}]) as node:
        assert exchange(port).ack.error == "replayed"
        assert len(node.heard) == 4


def test_nodes_that_cannot_be_commanded(port: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("babbitt.cli.command.HELLO_S", 1.0)
    older = {key: value for key, value in STATE.items() if key not in ("cmd", "waves")}
    for state, reason in (
        ({"online": False}, "is offline"), (STATE | {"online": False}, "is offline"), (older, "takes no commands"),
        (None, "no state of hall/pump-7"),
    ):  # fmt: skip
        with FakeNode(port, state, done) as node:
            with pytest.raises(NodeSilent, match=reason):
                exchange(port, 0.5)
            assert node.heard == []
    with (
        FakeNode(port, STATE, lambda _: [{"state": "taken"}]),
        pytest.raises(NodeSilent, match="did not answer"),
    ):
        exchange(port, 0.5)
    with pytest.raises(BrokerError, match="is the host running"):
        exchange(1)


def test_a_node_that_is_offline_is_waited_for(port: int, capsys: pytest.CaptureFixture[str]) -> None:
    with FakeNode(port, {"online": False}, done) as node:
        later = threading.Timer(0.5, lambda: node.client.publish(ROOT + "state", json.dumps(STATE), 1))
        later.start()
        assert exchange(port).ack.state == "done"
        later.join()
    assert capsys.readouterr().err == "hall/pump-7 is offline, waiting for it\n"


def test_a_reboot_is_over_when_the_node_is_back(port: int) -> None:
    birth = BIRTH | {"boot": 4, "reset": "hard", "prev": {"boot": 3, "next": 9, "clean": True}}

    def answers(one: dict[str, Any]) -> list[Any]:
        return [("birth", BIRTH), ("birth", birth), {"state": "done"}]  # brokers may turn the last two round

    with FakeNode(port, STATE, answers):
        found = said("command", "hall", "pump-7", "reboot", "--broker", f"127.0.0.1:{port}")
        assert (found["state"], found["boot"], found["reset"]) == ("done", 4, "hard")
        text = run("command", "hall", "pump-7", "reboot", "--broker", f"127.0.0.1:{port}").stdout
        assert text == "hall/pump-7: restarted, boot 4 (hard)\n"


def test_a_refusal_is_one_clear_line(port: int) -> None:
    refusal = {
        "state": "refused",
        "error": "not_available",
        "reason": "sensor: there is no accelerometer vob",
    }
    with FakeNode(port, STATE, lambda _: [refusal]):
        words = ("command", "hall", "pump-7", "capture", "--sensor", "vob", "--broker", f"127.0.0.1:{port}")
        found = run(*words, code=1)
        assert found.stderr == (
            "babbitt: hall/pump-7 refused capture: not_available: sensor: there is no accelerometer vob\n"
        )
        assert said(*words, code=1)["error"] == "not_available"


@pytest.fixture
def store(tmp_path: Path) -> Path:
    StoreWriter(tmp_path).close()
    return tmp_path


def test_waves_are_listed_and_exported(store: Path, tmp_path: Path) -> None:
    assert "No waveform" in run("waves", "--store", store).stdout
    raw = np.arange(128, dtype="<i2").tobytes()
    info = WaveInfo(
        "9f3a01bc", "3-0", "vib", "xz", "g", -6, 15625, 4, 1789000000000, 3, "check", "x-high", 64,
        [(5000, 64, 3_200_000, 0, 0)], len(raw), zlib.crc32(raw),
    )  # fmt: skip
    name = WaveShelf(store).save("hall", "pump-7", info, raw, 1000).id
    (view,) = said("waves", "list", "--store", store)
    assert (view["id"], view["by"], view["of"], view["pre"]) == (name, "check", "x-high", 64)
    assert name in run("waves", "--store", store).stdout
    assert said("waves", "--store", store, "--node", "other") == []
    path = tmp_path / "out.csv"
    assert (
        "64 samples of xz at 3200.0 Hz" in run("waves", "export", name, "--store", store, "-o", path).stdout
    )
    lines = path.read_text().splitlines()
    assert lines[:3] == ["time_s,window,x_g,z_g", "0.0000000,0,0,0.25", "0.0003125,0,0.00390625,0.2539062"]
    assert len(lines) == 65
    packed = said("waves", "export", name, "--store", store, "--format", "npz", "-o", tmp_path / "out.npz")
    with np.load(packed["file"]) as found:
        assert np.allclose(found["z"], np.arange(64, 128) / 256)
        assert found["rates_hz"].tolist() == [3200.0]
    assert "needs the id" in run("waves", "export", "--store", store, code=1).stderr
    assert "no waveform hall/pump-7/9f3a01bc-3-1" in run(
        "waves", "export", "hall/pump-7/9f3a01bc-3-1", "--store", store, code=1
    ).stderr  # fmt: skip
    assert (
        "cannot be written" in run("waves", "export", name, "--store", store, "-o", tmp_path, code=1).stderr
    )
    assert "no store" in run("waves", "--store", tmp_path / "nothing", code=1).stderr
