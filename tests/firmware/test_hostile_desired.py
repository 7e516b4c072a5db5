"""A `desired` out to do harm is answered, on the heap of a node, which has this file to itself."""

import gc
import json

from babbitt_node.settings import Settings

BUSES = {"spi0": "spi", "ow0": "onewire"}


def document(**changes):
    doc = {
        "asset": {"name": "Pump 7", "kind": "machine"},
        "interval_s": 10,
        "sensors": [
            {"id": "vib", "driver": "adxl345", "bus": "spi0"},
            {"id": "temp", "driver": "ds18b20", "bus": "ow0"},
        ],
        "checks": [
            {"id": "hot", "type": "limit", "channel": "temp.mean", "h": 60000},
            {"id": "shaky", "type": "zscore", "channel": "vib.x.rms"},
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
    settings = Settings(BUSES)
    settings.load()
    return settings


def accept(config, version, digest):
    """Nothing to build."""


def nested(head, depth, tail):
    """So many lists in each other, built in one piece of the heap."""
    out = bytearray(len(head) + 2 * depth + len(tail))
    out[: len(head)] = head
    for i in range(depth):
        out[len(head) + i] = 0x5B
        out[len(head) + depth + i] = 0x5D
    out[len(head) + 2 * depth :] = tail
    return out


def hostile():
    """(payload, path that is reported or None for any), one at a time: a node's heap does not hold them all."""
    half = b"\\ud800"  # half of a pair: JSON can write it, UTF-8 cannot
    asset = b'{"version":3,"config":{"asset":%s}}'
    yield b'{"version":3,"config":{"%s":1}}' % half, "?"
    yield b'{"version":3,"config":{"%s":1}}' % (b"k" * 2000), "k" * 128
    yield asset % (b'{"name":"%s","kind":"machine"}' % half), "asset.name"
    gc.collect()
    yield nested(b'{"version":3,"config":{"asset":', 2500, b"}}"), None
    gc.collect()
    yield b"[" * 8000, ""


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
    assert settings.offer(payload(8, interval_s=20), accept) and settings.report["state"] == "trial"
