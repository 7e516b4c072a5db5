"""A hostile `desired` is refused with an answer that can be sent. In a file of its own: its payloads need the heap."""

import gc
import json

from babbitt_node.settings import Settings

BUSES = {"spi0": "spi", "ow0": "onewire"}


def document(**changes):
    doc = {
        "asset": {"name": "Pump 7", "kind": "machine"},
        "sensors": [{"id": "temp", "driver": "ds18b20", "bus": "ow0"}],
    }
    doc.update(changes)
    return doc


def accept(config, version, digest):
    """Nothing to build."""


def hostile():
    """(payload, path that is reported or None for any), one at a time: a node's heap does not hold them all."""
    half = b"\\ud800"  # half of a pair: JSON can write it, UTF-8 cannot
    asset = b'{"version":3,"config":{"asset":%s}}'
    yield b'{"version":3,"config":{"%s":1}}' % half, "?"
    yield b'{"version":3,"config":{"%s":1}}' % (b"k" * 2000), "k" * 128
    yield asset % (b'{"name":"%s","kind":"machine"}' % half), "asset.name"
    yield asset % (b"[" * 2500 + b"]" * 2500), None
    gc.collect()
    yield b"[" * 8000, ""


def test_a_hostile_desired_gives_an_answer_that_can_be_sent():
    with open("config.json", "w") as file:
        json.dump(document(), file)
    settings = Settings(BUSES)
    settings.load()
    for bad, path in hostile():
        assert not settings.offer(bad, accept), bad[:40]
        report = settings.report
        assert report["state"] == "rejected" and report["reason"]
        assert path is None or report["path"] == path, report
        text = report["path"] + report["reason"]
        assert len(report["path"]) <= 128 and all(" " <= c <= "~" for c in text), report
    good = b'{"version":8,"config":' + json.dumps(document(interval_s=20)).encode() + b"}"
    assert settings.offer(good, accept) and settings.report["state"] == "applied"
