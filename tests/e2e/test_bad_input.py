"""Bad input of every kind against a running host: each gets a clear reason, and a healthy node beside it loses nothing."""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from plant import (
    SITE,
    START_MS,
    Both,
    HostProcess,
    Plant,
    Tap,
    Wire,
    command,
    motor,
    said,
    until,
    well,
)

from babbitt.store.reader import StoreReader
from babbitt.store.views import ReportedView
from babbitt_tools.vboard.world import Fault

GOLDEN = Path(__file__).parents[2] / "docs" / "protocol" / "golden"
DATA = f"babbitt/1/{SITE}/stranger/data"
ROW = {"i": "9f3a01bc", "boot": 3, "seq": 0, "q": 3, "rows": [[1000, None, 0, 5]]}
SPEED = 300


def hurt_config() -> dict[str, Any]:
    """A machine in a cold room: both sensors, a record every 20 s."""
    temperature = {"id": "temp", "driver": "ds18b20", "bus": "ow0", "every_s": 20}
    config = motor("Compressor 2", 20, h=5_000_000)
    return config | {"sensors": [*config["sensors"], temperature]}


@pytest.fixture(scope="module")
def plant(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Plant]:
    """A host with its own broker, a healthy node, and one that the tests torment; in the end every record is accounted for."""
    folder = tmp_path_factory.mktemp("bad")
    host = HostProcess(folder, "--no-web", "--listen", "127.0.0.1:0")
    host.start()
    made = Plant(folder, host.store, host.port)
    try:
        made.add("healthy", well(), motor("Motor 1"), SPEED)
        world = Both(seed=2, utc_start_ms=START_MS, life_h=10_000, onset_h=10_000)
        made.add("hurt", world, hurt_config(), SPEED)
        for name in made.boards:
            made.grown(name, 3)
        yield made
        for name in made.boards:
            made.delivered(name)
        accounts = [row for row in made.ledger() if row["node"] in made.boards]
        assert [(row["node"], row["boot"], row["missing"], row["note"]) for row in accounts] == [
            ("healthy", 1, 0, ""),
            ("hurt", 1, 0, ""),
        ]
    finally:
        made.close()
        host.stop()


@pytest.fixture
def wire(plant: Plant) -> Iterator[Wire]:
    made = Wire(plant.port)
    yield made
    made.close()


@pytest.fixture(autouse=True)
def nobody_else_is_disturbed(plant: Plant) -> Iterator[None]:
    """After each test the healthy node goes on: new records, all of them stored, no fault, no restart, nothing refused."""
    yield
    plant.grown("healthy", 5)
    state = plant.view("healthy").state
    assert state is not None
    assert (state["online"], state["faults"], state["restarts"], state["refused"]) == (True, {}, {}, 0)


def refused(plant: Plant, before: int, count: int = 1) -> list[dict[str, Any]]:
    """The refusals added since there were `before`, oldest first, as `babbitt quarantine --json` tells them."""
    until(lambda: total(plant) >= before + count, 20, lambda: f"{total(plant) - before} of {count} refused")
    assert total(plant) == before + count
    found: list[dict[str, Any]] = said("quarantine", "--store", plant.store, "--limit", count)["rows"]
    return found[::-1]


def total(plant: Plant) -> int:
    """How many messages the host refused so far."""
    reader = StoreReader(plant.store)
    try:
        return reader.quarantine_total()
    finally:
        reader.close()


BAD = {
    "malformed JSON": (DATA, b'{"i":"9f3a01bc",', "not valid JSON in UTF-8"),
    "no UTF-8": (DATA, b'{"i":"\xff"}', "not valid JSON in UTF-8"),
    "not an object": (DATA, b"[1,2]", "expected object, got array"),
    "a field is missing": (DATA, {"i": "9f3a01bc"}, "missing field boot"),
    "wrong type": (DATA, ROW | {"boot": "three"}, "boot: expected int, got str"),
    "a fraction for a value": (DATA, ROW | {"rows": [[1000, None, 0, 0.5]]}, "rows[0][3]: expected int | null, got float"),
    "NaN": (DATA, json.dumps(ROW | {"rows": [[1000, None, 0, float("nan")]]}).encode(), "not valid JSON"),
    "a value too large": (DATA, ROW | {"rows": [[1000, None, 0, 2**40]]}, "rows[0]: a value is beyond +-1073741823"),
    "nested too deeply": (DATA, b'{"x":' + b"[" * 2000 + b"]" * 2000 + b"}", "nested too deeply"),
    "larger than the limit": (DATA, b" " * 5000, "5000 bytes, 4096 are allowed"),
    "a birth larger than its limit": (DATA.replace("data", "birth"), b" " * 9000, "9000 bytes, 8192 are allowed"),
    "another major version": (DATA.replace("/1/", "/2/"), ROW, "protocol version 2 is not spoken here, only 1"),
    "a site with other characters": ("babbitt/1/Plänt/n1/data", ROW, "site and node are 1 to 32 of a-z, 0-9 and -"),
    "a node with other characters": (f"babbitt/1/{SITE}/n_1/data", ROW, "site and node are 1 to 32 of a-z, 0-9 and -"),
}  # fmt: skip


def test_every_bad_message_is_refused_with_its_reason(plant: Plant, wire: Wire) -> None:
    before = total(plant)
    for topic, payload, _ in BAD.values():
        wire.send(topic, payload)
    found = refused(plant, before, len(BAD))
    for (topic, _, reason), one in zip(BAD.values(), found, strict=True):
        assert one["topic"] == topic
        assert reason in one["reason"], topic
    (event,) = plant.events("stranger", "version")
    assert (event.sev, event.to) == (1, "2")
    assert "protocol version 2" in event.text


def test_ten_thousand_junk_messages_in_a_burst(plant: Plant, wire: Wire) -> None:
    before = total(plant)
    seq = plant.newest("healthy")[1]
    for n in range(9_999):
        wire.send(DATA, b"junk %d" % n, wait=0)
    wire.send(DATA, b"the last of the junk", wait=30)
    until(lambda: total(plant) == before + 10_000, 40, lambda: f"{total(plant) - before} refused")
    rows = said("quarantine", "--store", plant.store, "--limit", 2000)["rows"]
    assert len(rows) == 1000  # the store keeps the newest
    assert rows[0]["head"] == "the last of the junk"
    plant.delivered("healthy")
    assert plant.newest("healthy")[1] > seq


def test_a_megabyte_costs_its_sender_the_connection_and_nobody_else(plant: Plant, wire: Wire) -> None:
    before = total(plant)
    wire.send(DATA, b" " * 1_000_000, wait=0)
    until(lambda: wire.losses > 0)
    plant.grown("hurt", 3)
    assert total(plant) == before


@pytest.mark.part("mosquitto")
def test_a_megabyte_through_a_broker_that_lets_it_pass(
    tmp_path: Path, make_host: Any, make_plant: Any, make_mosquitto: Any
) -> None:
    mosquitto = make_mosquitto()
    host = make_host("--no-web", "--broker", f"127.0.0.1:{mosquitto.port}")
    other: Plant = make_plant(mosquitto.port)
    other.add("healthy", well(), motor("Motor 1"), SPEED)
    other.grown("healthy", 3)
    wire = Wire(mosquitto.port)
    wire.send(DATA, b" " * 1_000_000)
    (found,) = refused(other, 0)
    assert found["reason"] == "1000000 bytes, 4096 are allowed"
    assert found["head"] == " " * 200
    other.grown("healthy", 3)
    assert [(row["missing"], row["note"]) for row in other.ledger()] == [(0, "")]
    wire.close()
    host.stop()


def test_a_clock_that_is_twenty_years_off_costs_no_record(plant: Plant, wire: Wire) -> None:
    birth = json.loads((GOLDEN / "birth.machine.json").read_bytes())
    birth |= {"oldest": {"boot": 3, "seq": 120}, "discards": [], "prev": None}
    late = json.loads((GOLDEN / "data.clock_20_years_ahead.json").read_bytes())
    wire.send(f"babbitt/1/{SITE}/late/birth", birth)
    wire.send(f"babbitt/1/{SITE}/late/data", late)
    plant.wait(lambda: plant.stored("late").get(3) == [120])
    (event,) = plant.events("late", "clock")
    assert (event.origin, event.to, event.sev) == ("host", "bad", 1)
    assert "hours ahead" in event.text
    view = plant.view("late")
    assert view.last_t is not None
    assert abs(view.last_t - time.time() * 1000) < 600_000  # when it came, not what its clock says
    assert view.last_t < late["rows"][0][1]


def test_a_bad_configuration_is_refused_and_a_good_one_applied(
    plant: Plant, wire: Wire, tmp_path: Path
) -> None:
    topic = f"babbitt/1/{SITE}/hurt/desired"
    bad = hurt_config()
    bad["checks"][0]["h"] = "much"
    for payload, path, reason in (
        (json.dumps({"version": 5, "config": bad}).encode(), "checks[0].h", "integer"),
        (b'{"version":6,', "", "not valid JSON in UTF-8"),
        (
            json.dumps({"version": 7, "config": hurt_config() | {"intervals": 3}}).encode(),
            "intervals",
            "did you mean 'interval_s'?",
        ),
    ):
        wire.send(topic, payload)
        answer = plant.wait(lambda payload=payload: answered(plant, payload))
        assert (answer.state, answer.path) == ("rejected", path)
        assert reason in answer.reason
        plant.grown("hurt", 3)
    birth = plant.view("hurt").birth
    assert birth is not None
    assert (birth["interval"], birth["config"]["version"]) == (20, 0)

    file = tmp_path / "config.json"
    options = ("desired", SITE, "hurt", file, "--store", plant.store, "--broker", f"127.0.0.1:{plant.port}")
    file.write_text(json.dumps(bad))
    told = command(*options, code=1).stderr
    assert "checks[0].h" in told
    assert len(told.splitlines()) == 1

    good = hurt_config() | {"interval_s": 40}
    file.write_text(json.dumps(good))
    tap = Tap(plant.port, topic)
    answer = said(*options)
    _, sent = until(tap.first)
    tap.close()
    digest = hashlib.sha256(sent).hexdigest()[:16]
    assert json.loads(sent)["config"] == good
    assert (answer["state"], answer["version"], answer["hash"]) == ("applied", 8, digest)
    assert plant.wait(lambda: answered(plant, sent)).state == "applied"
    assert (plant.flash("hurt") / "config.json").read_bytes() == sent
    plant.wait(lambda: (plant.view("hurt").birth or {})["config"] == {"version": 8, "hash": digest})
    plant.grown("hurt", 4)
    times = [row[0] for row in plant.rows("hurt")[-3:]]
    assert [b - a for a, b in pairwise(times)] == pytest.approx([40_000, 40_000], abs=1500)


def answered(plant: Plant, payload: bytes) -> ReportedView | None:
    """What the node `hurt` reported about this `desired`, or None as long as it speaks of another."""
    reader = StoreReader(plant.store)
    try:
        found = reader.reported(SITE, "hurt")
    finally:
        reader.close()
    return found if found is not None and found.hash == hashlib.sha256(payload).hexdigest()[:16] else None


def test_bad_commits_are_refused_and_counted_by_the_node(plant: Plant, wire: Wire) -> None:
    view = plant.view("hurt")
    assert view.state is not None
    before = view.state["refused"]
    install = view.state["i"]
    other = "00000000" if install != "00000000" else "11111111"
    topic = f"babbitt/1/{SITE}/hurt/commit"
    for payload in (
        b"{nonsense",
        {"i": other, "boot": 1, "seq": 5},
        {"i": install, "boot": 1, "seq": 2_000_000},  # never sent
        {"i": install, "boot": "1", "seq": 5},
        b" " * 5000,
    ):
        wire.send(topic, payload)
    plant.wait(lambda: (plant.view("hurt").state or {})["refused"] == before + 5)
    plant.grown("hurt", 5)


FAULTS = (
    ("adxl345", "vib", "no_device", ""),
    ("adxl345", "vib", "wrong_identity", "no_device"),  # a sensor is looked at anew when it was away
    ("adxl345", "vib", "stuck", ""),
    ("ds18b20", "temp", "no_device", ""),
    ("ds18b20", "temp", "crc", ""),
    ("ds18b20", "temp", "power_on_value", ""),
)
VIB, TEMP = slice(3, 18), slice(18, 21)  # in a row: [u, t, recipe, 15 of vib, mean, min, max, slope]


@pytest.mark.parametrize(("device", "sensor", "fault", "after"), FAULTS)
def test_a_sensor_fails_and_recovers(plant: Plant, device: str, sensor: str, fault: str, after: str) -> None:
    board = plant.boards["hurt"]
    check = f"sensor.{sensor}"
    count = len(plant.events("hurt", check))

    def newest() -> str:
        return next((e.to for e in reversed(plant.events("hurt", check)[count:])), "ok")

    for one in filter(None, (after, fault)):
        board.set_fault(device, Fault(one))
        plant.wait(lambda one=one: newest() == one)
    first = len(plant.rows("hurt"))
    plant.grown("hurt", 4)
    plant.wait(lambda: (plant.view("hurt").state or {})["faults"] == {sensor: fault})
    last = len(plant.rows("hurt"))
    board.set_fault(device, None)
    plant.wait(lambda: newest() == "ok")
    *failed, healed = plant.events("hurt", check)[count:]
    assert failed[0].came_from == "ok"
    assert [e.sev for e in failed] == [1] * len(failed)
    assert (healed.came_from, healed.to, healed.sev) == (fault, "ok", 0)
    gone, there = (VIB, TEMP) if sensor == "vib" else (TEMP, VIB)
    during = plant.rows("hurt")[first:last]
    assert len(during) >= 3
    for row in during:
        assert set(row[gone]) == {None}
        assert None not in row[there]
    plant.grown("hurt", 2)
    assert None not in plant.rows("hurt")[-1][:21]
    plant.wait(lambda: (plant.view("hurt").state or {})["faults"] == {})
