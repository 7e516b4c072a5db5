"""What a node that sleeps between its records takes through the sleep, in the RTC memory: reached by `port.once`.

    kept = once("nap", "recall")                          # a dict, or None if nothing can be trusted
    once("nap", "restore", node, kept)                    # samplers and checks know again what they knew
    pin = once("nap", "watch", node)                      # which pin may end the sleep
    once("nap", "remember", node, published_u)            # right before the sleep

Bytes, little-endian: HEAD (magic, installation, boot, next seq, since, the boot before with its next seq and whether
it ended clean, ms since boot, Unix ms of the system's clock, ms since boot of the last publication and of the
last record (-1: none), quality of the clock, hash of the configuration, the
last command and the last waveform); for every sensor one byte, the place of its fault in `errors.NAMES` or 255; then
for every check and every slope the number of its items (uint16) and the items (int32); CRC-32 over all.
"""

import struct
from array import array
from binascii import crc32

from babbitt_node import boots
from babbitt_node.errors import NAMES, NodeError
from babbitt_node.hal import port, sleep

_MAGIC = b"BBN1"
_HEAD = "<4s8sIIIiiBqqqqB16sII"
_SIZE = struct.calcsize(_HEAD)
_NO_FAULT = 255
BORROWS = ("boots", "hal.sleep")


def recall():
    """What was kept, if it is whole and of the boot that boot.json names; else None."""
    data = sleep.recall()
    if len(data) < _SIZE + 4 or data[:4] != _MAGIC:
        return None
    if struct.unpack("<I", data[-4:])[0] != crc32(data[:-4]):
        print("nap: the RTC memory is damaged, a new boot begins")
        return None
    fields = struct.unpack(_HEAD, data[:_SIZE])
    install = fields[1].decode()
    known = boots.read("boot.json")
    if known is None or known[:2] != (install, fields[2]):
        return None
    prev = None
    if fields[5] >= 0:
        prev = {"boot": fields[5], "next": fields[6], "clean": bool(fields[7])}
    utc = port.utc_ms()
    return {
        "i": install,
        "boot": fields[2],
        "next": fields[3],
        "since": fields[4],
        "prev": prev,
        # The system's clock went on; where it cannot have, the sleep counts as nothing.
        "u": fields[8] + max(0, utc - fields[9]),
        "published": fields[10],
        "last_u": fields[11] if fields[11] >= 0 else None,
        "q": fields[12],
        "hash": fields[13].decode(),
        "taken": fields[14],
        "waves": fields[15],
        "state": data[_SIZE:-4],
    }


def restore(node, kept):
    """Give the station of `node` back what it knew, if its configuration is still the same."""
    node.since = kept["since"]
    node.taken = kept["taken"]
    node.waves.taken = kept["waves"]
    if kept["hash"] != node.settled[2]:
        return
    data = kept["state"]
    station = node.station
    station.go_on(kept["last_u"])
    at = 0
    for sampler in station.samplers:
        station.know_fault(sampler.id, NAMES[data[at]] if data[at] < len(NAMES) else "ok")
        at += 1
    for holder in _holders(station):
        n = struct.unpack("<H", data[at : at + 2])[0]
        at += 2
        items = array("i", [struct.unpack("<i", data[at + 4 * i : at + 4 * i + 4])[0] for i in range(n)])
        at += 4 * n
        try:
            holder.load(items)
        except NodeError as error:
            print("nap:", error)


def remember(node, published_u):
    """Keep everything. What does not fit (more than 2 kB: dozens of checks) is left out, from the last check on,
    and learns again.
    """
    station = node.station
    prev = node.prev or {"boot": -1, "next": 0, "clean": False}
    head = struct.pack(
        _HEAD,
        _MAGIC,
        node.identity.install.encode(),
        node.identity.boot,
        node.recorder.next,
        node.since,
        prev["boot"],
        prev["next"],
        1 if prev["clean"] else 0,
        node.clock.u(),
        port.utc_ms(),
        published_u,
        -1 if station.last_u is None else station.last_u,
        node.clock.q,
        node.settled[2].encode(),
        node.taken,
        node.waves.taken,
    )
    out = bytearray(head)
    faults = station.faults()
    for sampler in station.samplers:
        fault = faults.get(sampler.id)
        out.append(NAMES.index(fault) if fault in NAMES else _NO_FAULT)
    for holder in _holders(station):
        items = array("i", [0] * holder.SIZE)
        holder.dump(items)
        if len(out) + 2 + 4 * len(items) + 4 > sleep.LARGEST:
            items = array("i")
        out += struct.pack("<H", len(items))
        for item in items:
            out += struct.pack("<i", item)
    sleep.remember(bytes(out) + struct.pack("<I", crc32(out)))


def watch(node):
    """Have the sensors wake the node that are set to; returns the pin that does, or None.

    After a sleep that was ended so the next one is not, or what shakes all the time would empty the battery.
    """
    pin = node.board.wake
    if pin is None or sleep.by_pin():
        return None
    watching = False
    for sampler in node.station.samplers:
        try:
            watching = sampler.watch() or watching
        except NodeError as error:
            print("nap: %s does not wake the node: %s" % (sampler.id, error))
    return pin if watching else None


def _holders(station):
    """Everything with a state: the slopes of the samplers, then the checks."""
    found = []
    for sampler in station.samplers:
        found += sampler.memories()
    return found + list(station.checks)
