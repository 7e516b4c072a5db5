"""The files of the configuration: what is kept, what is refused, and that the last good one is never lost."""

import gc
import json
import os

from desiring import Desiring

from babbitt_node.rules import ConfigError
from babbitt_node.settings import digest

BUSES = {"spi0": "spi", "ow0": "onewire"}


def document(**changes):
    doc = {
        "asset": {"name": "Pump 7", "kind": "machine"},
        "interval_s": 10,
        "sensors": [
            {"id": "temp", "driver": "ds18b20", "bus": "ow0"},
        ],
        "checks": [
            {"id": "hot", "type": "limit", "channel": "temp.mean", "h": 60000},
        ],
    }
    doc.update(changes)
    return doc


def write(path, text):
    with open(path, "wb") as file:
        file.write(text if isinstance(text, bytes) else text.encode())


def payload(version, **changes):
    return json.dumps({"version": version, "config": document(**changes)}).encode()


def loaded():
    write("node.json", b'{"site":"hall","node":"pump-7","broker":{"host":"10.0.0.1"}}')
    settings = Desiring(BUSES)
    settings.load()
    return settings


def accept(config, version, digest):
    """Nothing to build."""


def test_a_flashed_document_is_version_0():
    write("config.json", json.dumps(document()))
    settings = loaded()
    assert settings.config["interval_s"] == 10 and settings.version == 0
    assert settings.report["state"] == "applied"


def test_desired_is_kept_over_a_restart_with_version_and_hash():
    write("config.json", json.dumps(document()))
    settings = loaded()
    new = payload(7, interval_s=20)
    assert settings.offer(new, accept)
    assert settings.report == {"version": 7, "hash": digest(new), "state": "trial"}
    settings.confirm()
    assert settings.report == {"version": 7, "hash": digest(new), "state": "applied"}
    again = loaded()
    assert (again.config["interval_s"], again.version, again.hash) == (20, 7, digest(new))
    assert not again.offer(new, accept) and again.report["state"] == "applied"


def test_a_bad_desired_changes_nothing_and_says_why():
    long = b" " * 9000  # while there is room for it in one piece
    write("config.json", json.dumps(document()))
    settings = loaded()
    for bad, path, version in (
        (b"{", "", 0),
        (b"\xff\xfe", "", 0),
        (b"[]", "", 0),
        (b'{"version":-1,"config":{}}', "version", 0),
        (b'{"version":4}', "config", 0),
        (payload(5, interval_s=0), "interval_s", 5),
        (long, "", 0),
    ):
        assert not settings.offer(bad, accept), bad
        assert settings.report["state"] == "rejected" and settings.report["path"] == path, settings.report
        assert settings.report["version"] == version
        assert settings.report["hash"] == digest(bad) and settings.report["reason"]
    assert settings.report["version"] == 0 and loaded().config["interval_s"] == 10


def hostile():
    """(payload, path that is reported or None for any), one at a time: a node's heap does not hold them all."""
    half = b"\\ud800"  # half of a pair: JSON can write it, UTF-8 cannot
    asset = b'{"version":3,"config":{"asset":%s}}'
    yield b'{"version":3,"config":{"%s":1}}' % half, "?"
    yield b'{"version":3,"config":{"%s":1}}' % (b"k" * 1000), "k" * 128
    yield asset % (b'{"name":"%s","kind":"machine"}' % half), "asset.name"
    gc.collect()
    yield asset % (b"[" * 1200 + b"]" * 1200), None


def test_a_hostile_desired_gives_an_answer_that_can_be_sent():
    write("config.json", json.dumps(document()))
    settings = loaded()
    for bad, path in hostile():
        assert not settings.offer(bad, accept), bad[:40]
        report = settings.report
        assert report["state"] == "rejected" and report["reason"]
        assert path is None or report["path"] == path, report
        text = report["path"] + report["reason"]
        assert len(report["path"]) <= 128 and all(" " <= c <= "~" for c in text), report
    bad = None
    gc.collect()
    assert settings.offer(payload(8, interval_s=20), accept) and settings.report["state"] == "trial"


def test_brackets_without_end_are_refused():
    deep = b"[" * 8000  # while there is room for it in one piece
    write("config.json", json.dumps(document()))
    settings = loaded()
    assert not settings.offer(deep, accept)
    assert (settings.report["state"], settings.report["path"]) == ("rejected", "")
    assert "nested" in settings.report["reason"]


def test_a_desired_the_heap_has_no_room_for_is_refused_not_tried_for_ever():
    write("config.json", json.dumps(document()))
    settings = loaded()

    def too_large(config, version, digest):
        raise MemoryError("memory allocation failed")

    assert not settings.offer(payload(3, interval_s=20), too_large)
    assert settings.report["version"] == 3 and "memory" in settings.report["reason"]
    assert loaded().config["interval_s"] == 10


def test_what_cannot_be_built_is_refused_before_anything_is_written():
    write("config.json", json.dumps(document()))
    settings = loaded()

    def no(config, version, digest):
        raise ConfigError("sensors[0].bus", "not here")

    assert not settings.offer(payload(3, interval_s=20), no)
    assert settings.report["path"] == "sensors[0].bus" and settings.report["version"] == 3
    assert loaded().config["interval_s"] == 10


def test_a_flash_that_does_not_take_it_is_a_refusal():
    write("config.json", json.dumps(document()))
    settings = loaded()
    os.mkdir("trial.json.new")  # nothing can be written there
    assert not settings.offer(payload(3, interval_s=20), accept)
    assert settings.report["state"] == "rejected" and "flash" in settings.report["reason"]
    assert settings.config["interval_s"] == 10 and loaded().config["interval_s"] == 10
    os.rmdir("trial.json.new")
    assert settings.offer(payload(3, interval_s=20), accept)


def test_a_broken_file_falls_back_to_the_last_good_one():
    write("config.json", json.dumps(document()))
    settings = loaded()
    settings.offer(payload(2, interval_s=20), accept)
    settings.confirm()
    write("config.json", b'{"version":2,"config":{"inter')
    settings = loaded()
    assert settings.config["interval_s"] == 10
    assert settings.report["state"] == "rejected" and "JSON" in settings.report["reason"]
    os.remove("config.json")
    assert loaded().config["interval_s"] == 10


def test_without_any_file_the_node_waits_for_a_desired():
    settings = loaded()
    assert settings.config is None and settings.report["state"] == "rejected"
    assert "missing" in settings.report["reason"]
    assert settings.offer(payload(1), accept) and loaded().version == 1
