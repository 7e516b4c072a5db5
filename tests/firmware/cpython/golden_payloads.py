"""The golden messages that a node sends, made by the node's own encoders out of fixed values.

Prints one JSON array a line, [name, payload]. Runs on MicroPython and on CPython; with the folder of the
golden messages as an argument it writes the files, which are then to be reviewed.
"""

import json
import os
import sys
from array import array

BUFFER = bytearray(6144)  # before the imports, while the heap is in one piece

from babbitt_node import acks, messages, taking, waves  # noqa: E402
from babbitt_node.config import validate  # noqa: E402
from babbitt_node.drivers import adxl345, ds18b20  # noqa: E402
from babbitt_node.records import Batch, Recorder  # noqa: E402
from babbitt_node.samplers.scalar import ScalarSampler  # noqa: E402
from babbitt_node.samplers.vibration import VibrationSampler  # noqa: E402
from babbitt_node.settings import digest  # noqa: E402
from babbitt_node.spool import Spool  # noqa: E402
from babbitt_node.wire import Writer  # noqa: E402

INSTALL = "9f3a01bc"
BOOT = 3
CONFIG = (
    '{"asset":{"name":"Pump 7","kind":"machine"},"interval_s":10,"sensors":['
    '{"id":"vib","driver":"adxl345","bus":"spi0"},{"id":"temp","driver":"ds18b20","bus":"ow0"}],"checks":['
    '{"id":"vib.x.high","type":"limit","channel":"vib.x.rms","h":1500000,"hh":3000000,"hysteresis":100000,'
    '"on_delay_s":30},{"id":"temp.odd","type":"zscore","channel":"temp.mean"}]}'
)
DESIRED = '{"version":7,"config":' + CONFIG + "}"
VIBRATION = [
    1523400,
    4410000,
    2895,
    3012,
    811250,
    2400100,
    2959,
    2987,
    998000,
    3011000,
    3017,
    3104,
    3199750,
    0,
    0,
]
TEMPERATURE = [41250, 41187, 41312, -125]


class Watch:
    """A clock that moves 10 s a record."""

    q = 2

    def __init__(self):
        self._u = 81224567

    def u(self):
        self._u += 10000
        return self._u

    def t(self):
        return 1789000000000 - 81234567 + self._u


class Sampler:
    """An accelerometer, for the taking of a waveform."""

    id = "vib"
    spec = {"window": 512}

    def held(self):
        pass


class Waves:
    """What is kept of waveforms: nothing yet."""

    taken = dropped = 0
    job = None

    def __init__(self):
        self.kept = []


class Node:
    """As much of a node as commands and waveforms need; it stands for its own parts."""

    install = INSTALL
    boot = BOOT
    taken = 7
    settings = {"spool_bytes": 1000000}
    size = 0

    def __init__(self):
        self.identity = self.spool = self.station = self
        self.clock = Watch()
        self.samplers = [Sampler()]
        self.waves = Waves()


def _samplers(config):
    vib, temp = config["sensors"]
    return [
        VibrationSampler(vib, adxl345, adxl345.DEVICE(None), 10),
        ScalarSampler(temp, ds18b20, ds18b20.DEVICE(None), 10),
    ]


def payloads():
    """{name: payload} of every golden message; the name is that of its file."""
    found = {}
    out = Writer(BUFFER)
    config = validate(json.loads(CONFIG), {"spi0": "spi", "ow0": "onewire"})
    info = {
        "i": INSTALL,
        "fw": "0.1.0",
        "board": "virtual",
        "boot": BOOT,
        "reset": "watchdog",
        "crash": "OSError: 28 (shelf.py:80 write)",
        "prev": {"boot": 2, "next": 813, "clean": False},
        "oldest": {"boot": 2, "seq": 790},
        "discards": [[1, 0, 99], [1, 101, 240]],
        "q": 2,
        "asset": config["asset"],
        "interval": 10,
        "hold": 0,
        "since": 0,
        "config": {"version": 7, "hash": digest(DESIRED.encode())},
    }
    messages.write_birth(out, info, _samplers(config), config["checks"], config["running"])
    found["birth.node"] = bytes(out.view())
    state = {
        "online": True,
        "i": INSTALL,
        "boot": BOOT,
        "u": 81234567,
        "t": 1789000000000,
        "q": 2,
        "rssi": -61,
        "heap_free": 61920,
        "heap_block": 32768,
        "lag": 38,
        "next": 123,
        "sent": 122,
        "spool": {"records": 3, "bytes": 612, "corrupt": 0},
        "discarded": {"rows": 238, "events": 2},
        "discards": [[1, 0, 99], [1, 101, 240]],
        "faults": {"temp": "crc"},
        "refused": 1,
        "restarts": {"publisher": 2},
        "judge": {"recipe": 7, "machine": "running", "writes": 12},
        "cmd": 7,
        "waves": {"kept": [["3-0", 4]], "dropped": 1},
    }
    messages.write_state(out.reset(), state)
    found["state.node"] = bytes(out.view())
    applied = {"version": 7, "hash": digest(DESIRED.encode()), "state": "applied"}
    messages.reported(out.reset(), INSTALL, applied)
    found["reported.node_applied"] = bytes(out.view())
    refusal = {"state": "rejected", "path": "checks[2].h", "reason": "expected an integer, got 'abc'"}
    refusal.update(version=8, hash=digest(b"{}"))
    messages.reported(out.reset(), INSTALL, refusal)
    found["reported.node_rejected"] = bytes(out.view())
    back = {
        "state": "rolled_back",
        "version": 8,
        "hash": digest(b"{}"),
        "reason": "not confirmed in 2 starts",
    }
    messages.reported(out.reset(), INSTALL, back)
    found["reported.node_rolled_back"] = bytes(out.view())

    spool = Spool("spool", 100000, INSTALL, BOOT)
    recorder = Recorder(spool, Watch(), INSTALL, BOOT)
    recorder.next = 120
    recorder.row(VIBRATION + TEMPERATURE)
    recorder.row([None] * 15 + [41250, 41250, 41250, None])
    recorder.event("vib.x.high", "vib.x.rms", "N", "H", 1, 1523400, 1500000, 30, {})
    recorder.event(
        "temp.odd", "temp.mean", "N", "H", 1, 48250, 46100, 0, {"mean": 41200, "dev": 800, "z": 88}
    )
    recorder.event("sensor.vib", None, "ok", "no_device", 1, None, None, 0, {})
    batch = Batch(BUFFER, INSTALL)
    cursor = spool.cursor()
    for name in ("data.node", "event.node_limit", "event.node_zscore", "event.node_sensor"):
        batch.build(spool, cursor, spool.cursor(), 32)
        found[name] = bytes(batch.out.view())
    spool.close_files()

    node = Node()
    done = {"id": "c3a1", "cmd": "capture", "state": "done", "wave": "3-0"}
    acks.write(out.reset(), node, done)
    found["ack.node_done"] = bytes(out.view())
    refused = {"id": "c3a1", "cmd": "capture", "state": "refused", "error": "replayed"}
    refused["reason"] = "n: 7 is not above 7, the last one taken"
    acks.write(out.reset(), node, refused)
    found["ack.node_refused"] = bytes(out.view())
    found["wave.node"] = waveform(node)
    return found


def waveform(node):
    """The description of a waveform of two windows."""
    waves.ask(node, None, "xz", 768, "check", "vib.x.high")
    axes = [array("h", range(512))] * 3
    for k in range(2):
        taking.add(node, axes, 512, (81234567 + 200 * k, 3199750, 0, k), k == 0)
    taking.finish(node, 15625, 4)
    with open("wave/3-0.wave", "rb") as file:
        file.seek(768 * 4)
        description = file.read()[:-16]
    os.remove("wave/3-0.wave")
    os.rmdir("wave")
    return description


def main():
    for name, payload in sorted(payloads().items()):
        if len(sys.argv) > 1:
            with open("%s/%s.json" % (sys.argv[1], name), "w") as file:
                file.write(payload.decode())
        print(json.dumps([name, payload.decode()]))


if __name__ == "__main__":
    main()
