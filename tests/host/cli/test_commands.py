"""The commands as a user runs them."""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

import paho.mqtt.client as mqtt
import pytest

from babbitt.acquisition.broker import EmbeddedBroker
from babbitt.protocol.messages import decode
from babbitt.store.writer import StoreWriter

MAIN = [sys.executable, "-c", "from babbitt.cli import main; main()"]


def run(*args: object, code: int = 0) -> subprocess.CompletedProcess[str]:
    wide = os.environ | {"COLUMNS": "200"}
    command = [*MAIN, *(str(arg) for arg in args)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False, env=wide)
    assert done.returncode == code, done.stdout + done.stderr
    return done


def said(*args: object, code: int = 0) -> Any:
    return json.loads(run(*args, "--json", code=code).stdout)


def fill(folder: Path, *payloads: tuple[str, bytes]) -> None:
    """Store messages through the real ingest."""
    from babbitt.acquisition.address import BrokerAddress
    from babbitt.acquisition.ingest import Ingest
    from babbitt.acquisition.receiver import Receiver

    writer = StoreWriter(folder)
    group = [(f"babbitt/1/hall/pump-7/{kind}".encode(), raw, 0) for kind, raw in payloads]
    Ingest(writer, Receiver(BrokerAddress("127.0.0.1", 1), "never-started"), lambda *_: None).store(group)
    writer.close()


GOLDEN = Path(__file__).parents[3] / "docs" / "protocol" / "golden"


@pytest.fixture
def store(tmp_path: Path) -> Path:
    birth = json.loads((GOLDEN / "birth.machine.json").read_text())
    birth["oldest"], birth["discards"] = {"boot": 3, "seq": 120}, []
    fill(
        tmp_path,
        ("birth", json.dumps(birth).encode()),
        ("data", (GOLDEN / "data.clock.json").read_bytes()),
        ("event", (GOLDEN / "event.limit.json").read_bytes()),
        ("data", b"nonsense"),
    )
    return tmp_path


def test_status(store: Path) -> None:
    (node,) = said("status", "--store", store)["nodes"]
    assert (node["node"], node["asset"], node["last_t"]) == ("pump-7", "Pump 7", 1789000010000)
    text = run("status", "--store", store).stdout
    assert "hall/pump-7" in text
    assert "Messages refused: 1" in text


def test_ledger_is_content_when_everything_is_accounted_for(store: Path) -> None:
    found = said("ledger", "--store", store)
    assert found["missing"] == 0
    assert [(r["boot"], r["first"], r["received"]) for r in found["rows"] if r["boot"] == 3] == [(3, 120, 3)]


def test_ledger_fails_on_an_unexplained_gap(store: Path) -> None:
    late = json.loads((GOLDEN / "data.clock.json").read_text()) | {"seq": 130}
    fill(store, ("data", json.dumps(late).encode()))
    assert said("ledger", "--store", store, code=1)["missing"] == 7
    assert "7 records are missing without explanation" in run("ledger", "--store", store, code=1).stdout


def test_events(store: Path) -> None:
    (event,) = said("events", "--store", store)
    assert (event["check"], event["to"], event["value"]) == ("vib.x.high", "H", 1.5234)
    assert "vib.x.high" in run("events", "--store", store, "--node", "pump-7").stdout
    assert "knows no node other" in run("events", "--store", store, "--node", "other", code=1).stderr


def test_quarantine(store: Path) -> None:
    found = said("quarantine", "--store", store)
    assert found["total"] == 1
    assert found["rows"][0]["head"] == "nonsense"
    assert "not valid JSON" in found["rows"][0]["reason"]


@pytest.mark.parametrize("name", ["status", "ledger", "events", "quarantine"])
def test_a_missing_store_is_one_clear_line(tmp_path: Path, name: str) -> None:
    done = run(name, "--store", tmp_path / "nowhere", code=1)
    assert done.stderr.startswith("babbitt: there is no store in")
    assert len(done.stderr.splitlines()) == 1


def test_an_empty_store_file_is_one_clear_line(tmp_path: Path) -> None:
    (tmp_path / "babbitt.sqlite3").touch()
    done = run("status", "--store", tmp_path, code=1)
    assert done.stderr.splitlines() == [
        f"babbitt: the store in {tmp_path} is empty; start one with `babbitt host --store {tmp_path}`"
    ]


def test_wrong_usage_is_code_2(tmp_path: Path) -> None:
    run("status", "--bogus", code=2)
    run("events", "--store", tmp_path, "--limit", 10**20, code=2)
    run("nonsense", code=2)


def test_help_names_every_command_without_loading_them() -> None:
    text = run("--help").stdout
    assert all(
        name in text
        for name in ("host", "status", "ledger", "events", "quarantine", "desired", "demo", "replay")
    )
    code = "import sys; sys.argv = ['babbitt', '--help']\nfrom babbitt.cli import main\n"
    code += "try: main()\nexcept SystemExit: pass\n"
    code += "assert not {'paho', 'nicegui', 'scipy', 'babbitt_tools.demo'} & set(sys.modules)"
    subprocess.run([sys.executable, "-c", code], check=True, capture_output=True)


CONFIG = {
    "asset": {"name": "Pump 7", "kind": "machine"},
    "interval_s": 10,
    "sensors": [{"id": "vib", "driver": "adxl345", "bus": "spi1"}],
}


ANSWERS = [
    (["applied"], 0, "runs configuration 7"),
    (["trial", "applied"], 0, "runs configuration 7"),
    (["rejected"], 1, "refused configuration 7: checks[0].h: too high"),
    (["trial", "rolled_back"], 1, "tried configuration 7 and went back to the one before: too high"),
    (["trial"], 1, "still tries configuration 7 after 2 s"),
]


@pytest.mark.parametrize(("states", "code", "told"), ANSWERS)
def test_desired_reaches_the_node_and_waits_for_its_answer(
    tmp_path: Path, states: list[str], code: int, told: str
) -> None:
    (tmp_path / "c.json").write_text(json.dumps(CONFIG))
    got, done = exchange(tmp_path, states, "--wait", 2 if states == ["trial"] else 20, code=code)
    assert decode("babbitt/1/hall/pump-7/desired", got)
    assert json.loads(got) == {"version": 7, "config": CONFIG}
    assert told in (done.stderr if code else done.stdout)


def exchange(
    tmp_path: Path, states: list[str], *words: object, code: int = 0
) -> tuple[bytes, subprocess.CompletedProcess[str]]:
    """Run `babbitt desired` with c.json against a node that answers with these states; what the node got, and the run."""
    broker = EmbeddedBroker()
    broker.start()
    got: list[bytes] = []
    ready = threading.Event()

    def answer(client: mqtt.Client, _data: object, message: mqtt.MQTTMessage) -> None:
        got.append(message.payload)
        hashed = hashlib.sha256(message.payload).hexdigest()[:16]
        for state in states:
            reply = {"i": "9f3a01bc", "version": 7, "hash": hashed, "state": state}
            reply |= {"path": "checks[0].h"} if state == "rejected" else {}
            reply |= {"reason": "too high"} if state in ("rejected", "rolled_back") else {}
            client.publish("babbitt/1/hall/pump-7/reported", json.dumps(reply), 1, retain=True)

    node = mqtt.Client(mqtt.CallbackAPIVersion.VERSION2, client_id="pump-7")
    node.on_message = answer
    node.on_subscribe = lambda *_: ready.set()
    node.connect("127.0.0.1", broker.port)
    node.subscribe("babbitt/1/hall/pump-7/desired", 1)
    node.loop_start()
    assert ready.wait(10)
    try:
        done = run("desired", "hall", "pump-7", tmp_path / "c.json", "--broker", f"127.0.0.1:{broker.port}",
                   "--version", 7, "--store", tmp_path, *words, code=code)  # fmt: skip
    finally:
        node.disconnect()
        node.loop_stop()
        broker.stop()
    return got[0], done


def test_a_network_is_sent_in_place_of_a_configuration(tmp_path: Path) -> None:
    parts = {"wifi": {"ssid": "yard", "password": "a secret"}}
    (tmp_path / "c.json").write_text(json.dumps(parts))
    got, done = exchange(tmp_path, ["trial", "applied"], "--network")
    assert json.loads(got) == {"version": 7, "network": parts}
    assert "secret" not in done.stdout + done.stderr
    for wrong in (CONFIG, {"wifi": {"ssid": ["secret"], "password": "a secret"}}, {"wifi": "secret"}, []):
        (tmp_path / "c.json").write_text(json.dumps(wrong))
        refused = run("desired", "hall", "p", tmp_path / "c.json", "--store", tmp_path, "--network", code=1)
        assert len(refused.stderr.splitlines()) == 1
        assert "secret" not in refused.stderr


def test_a_wrong_configuration_never_leaves_the_host(tmp_path: Path) -> None:
    (tmp_path / "c.json").write_text(json.dumps(CONFIG | {"interval_s": 0}))
    done = run("desired", "hall", "pump-7", tmp_path / "c.json", "--store", tmp_path, code=1)
    assert "interval_s" in done.stderr
    (tmp_path / "c.json").write_text("{")
    assert (
        "cannot be read as JSON"
        in run("desired", "hall", "p", tmp_path / "c.json", "--store", tmp_path, code=1).stderr
    )
    for content, reason in (
        ("[" * 100_000, "cannot be read as JSON"),
        (" " * 200_000, "is larger than"),
        ("\N{LATIN SMALL LETTER E WITH ACUTE}".encode("latin-1"), "cannot be read as JSON"),
    ):
        (tmp_path / "c.json").write_bytes(content.encode() if isinstance(content, str) else content)
        told = run("desired", "hall", "p", tmp_path / "c.json", "--store", tmp_path, code=1).stderr
        assert reason in told
        assert len(told.splitlines()) == 1
