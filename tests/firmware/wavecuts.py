"""Waveforms on LittleFS, with the power cut at every single change of the chip. Only for MicroPython.

run(48, 7)          # by tests/firmware/cpython/test_power_cut.py: Runner.call("wavecuts", "run", 48, 7)
"""

import os

import vfs
from flashdisk import Flash, mount
from powercut import Cuts
from wavenode import WINDOW, made, whole

from babbitt_node import taking, waves

SPOOL_BYTES = 40000


class Promise:
    """What must be there after a cut, `kept` (boot, number), and what may be: `maybe`, the one that is being written
    or removed.
    """

    def __init__(self):
        self.kept = set()
        self.maybe = set()


def survive(folder, promise, deeper=None):
    """Start with the waveforms that a cut has left, go on with them. Returns whether the one that was being changed is there."""
    before = os.getcwd()
    os.chdir(folder)
    try:
        node = made(spool_bytes=SPOOL_BYTES)
        if deeper is not None:
            deeper()
        found = {(entry[0], entry[1]) for entry in node.waves.kept}
        assert promise.kept <= found, "lost %r" % (promise.kept - found,)
        assert found <= promise.kept | promise.maybe, "unknown %r" % (found,)
        for entry in list(node.waves.kept):
            assert len(whole(node, entry)[1]) == 3 * 2 * WINDOW
        through = bool(found & promise.maybe)
        node.identity.boot = 99
        take(node)
        again = made(spool_bytes=SPOOL_BYTES)
        assert (99, 0) in {(entry[0], entry[1]) for entry in again.waves.kept}
        return through
    finally:
        os.chdir(before)


def take(node):
    """Take a waveform of two windows."""
    waves.ask(node, None, "xyz", 2 * WINDOW, "command", "c1")
    axes = node.station.samplers[0].axes
    for k in range(2):
        taking.add(node, axes, WINDOW, (k, 1000, 0, 0), False)
    taking.finish(node, 1, 1)


def run(blocks, deep_every=0):
    """Take and drop waveforms with the power cut at every change; returns the figures as plain JSON types."""
    flash = Flash(blocks)
    mount(flash, "/flash", make=True)
    os.chdir("/flash")
    promise = Promise()
    node = made(spool_bytes=SPOOL_BYTES)
    cuts = Cuts(flash, promise, deep_every=deep_every, check=survive)
    for _ in range(4):
        new = (3, node.waves.taken)
        oldest = {(e[0], e[1]) for e in node.waves.kept[:1]}
        makes_room = len(node.waves.kept) == 2
        promise.maybe = {new} | (oldest if makes_room else set())
        promise.kept -= promise.maybe
        take(node)
        promise.kept = {(e[0], e[1]) for e in node.waves.kept}
    name = "%d-%d" % (node.waves.kept[0][0], node.waves.kept[0][1])
    promise.maybe = {(node.waves.kept[0][0], node.waves.kept[0][1])}
    promise.kept -= promise.maybe
    waves.drop(node, name, 0)
    flash.before = None
    os.chdir("/")
    vfs.umount("/flash")
    return {
        "cuts": cuts.cuts,
        "cuts_in_recovery": cuts.deep,
        "dropped": node.waves.dropped,
        "got_through": cuts.through,
        "failed": cuts.failed,
        "failures": cuts.failures,
        "dirty_programs": flash.dirty,
    }
