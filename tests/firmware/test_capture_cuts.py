"""Waveforms on a flash that ends at any operation: whole or not at all, and nothing that was kept is lost."""

import os

from wavenode import WINDOW, made, whole

from babbitt_node import taking, waves
from babbitt_node.errors import NodeError


class Cut(Exception):
    """The power is gone."""


class Flash:
    """In place of `open` and `os` of `taking`: operation `left` + 1 does not happen, or half of it if it writes."""

    def __init__(self, left, error):
        self.left = left
        self.error = error
        self.stat = os.stat
        self.mkdir = self.limited(os.mkdir)
        self.rename = self.limited(os.rename)
        self.remove = os.remove
        if hasattr(os, "statvfs"):
            self.statvfs = os.statvfs

    def limited(self, call):
        def guarded(*args):
            self.spend()
            return call(*args)

        return guarded

    def spend(self):
        if self.left == 0:
            raise self.error
        self.left -= 1

    def open(self, path, mode):
        self.spend()
        return File(self, open(path, mode))


class File:
    """A file on it."""

    def __init__(self, flash, file):
        self.flash_ = flash
        self.file = file

    def write(self, data):
        try:
            self.flash_.spend()
        except (Cut, OSError):
            self.file.write(bytes(data)[: len(bytes(data)) // 2])
            self.file.flush()
            raise
        return self.file.write(data)

    def flush(self):
        self.flash_.spend()
        self.file.flush()

    def close(self):
        self.flash_.spend()
        self.file.close()


def attempt(node, left, error):
    """Take a waveform of two windows on a flash that ends after `left` operations; whether it was taken."""
    flash = Flash(left, error)
    real = taking.os
    taking.os, taking.open = flash, flash.open
    try:
        waves.ask(node, None, "xy", 2 * WINDOW, "command", "c1")
        axes = node.station.samplers[0].axes
        for k in range(2):
            taking.add(node, axes, WINDOW, (k, 1000, 0, 0), False)
        taking.finish(node, 1, 1)
        return True
    finally:
        taking.os, taking.open = real, open


def test_power_cut_at_every_operation():
    """Before the cut a waveform was kept; after it that one is there whole, the new one whole or not at all."""
    done = False
    left = 0
    while not done:
        node = made()
        for entry in node.waves.kept:
            waves.remove(entry)
        node = made()
        attempt(node, 1000, None)
        node.identity.boot = 4
        try:
            done = attempt(node, left, Cut())
        except Cut:
            pass
        node = made()
        kept = [(entry[0], entry[1]) for entry in node.waves.kept]
        assert kept in ([(3, 0)], [(3, 0), (4, 1)]) and (not done or len(kept) == 2), (left, kept)
        assert "new" not in os.listdir("wave")
        for entry in list(node.waves.kept):
            assert len(whole(node, entry)[1]) == 4 * WINDOW
        left += 1
    assert left > 12


def test_a_full_flash_at_every_operation():
    """It is told, nothing is left behind, and the next one can be taken."""
    done = False
    left = 0
    while not done:
        node = made()
        for entry in list(node.waves.kept):
            waves.drop(node, "%d-%d" % (entry[0], entry[1]), 0)
        try:
            done = attempt(node, left, OSError(28))
        except NodeError as error:
            assert error.name == "no_room"
            taking.abandon(node)
            assert node.waves.job is None
            if left:
                assert os.listdir("wave") == []
            assert attempt(node, 1000, None)
        left += 1
    assert left > 12
