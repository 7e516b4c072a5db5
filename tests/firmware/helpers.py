"""What the firmware's tests share. It runs on MicroPython and on CPython, so it knows neither pytest nor
typing.
"""

import os
import sys

MICROPYTHON = sys.implementation.name == "micropython"

if MICROPYTHON:
    from micropython import heap_lock, heap_unlock
else:

    def heap_lock():
        """CPython has no heap to lock; the MicroPython run of the same test proves the point."""

    def heap_unlock():
        """See heap_lock."""


def raises(kind, call, *args, **kwargs):
    """Run `call(*args, **kwargs)`, which must raise `kind`; returns the exception, for a look at its fields."""
    try:
        call(*args, **kwargs)
    except kind as error:
        return error
    raise AssertionError("%s was not raised" % kind.__name__)


def node_error(name, call, *args, **kwargs):
    """Run the call, which must raise NodeError `name`; returns the error."""
    from babbitt_node.errors import NodeError

    error = raises(NodeError, call, *args, **kwargs)
    assert error.name == name, "expected NodeError %s, got %s" % (name, error)
    return error


def without_heap(call):
    """Run `call()` with the heap locked: one allocation inside raises MemoryError. Returns its result."""
    heap_lock()
    try:
        return call()
    finally:
        heap_unlock()


class PowerCut(Exception):
    """The power is gone."""


class FailingFiles:
    """In place of a module's `os`: renames and removals work `left` times; then the power is gone."""

    def __init__(self, left):
        self.left = left

    def __getattr__(self, name):
        return getattr(os, name)

    def _spend(self):
        if self.left == 0:
            raise PowerCut()
        self.left -= 1

    def rename(self, old, new):
        self._spend()
        os.rename(old, new)

    def remove(self, path):
        self._spend()
        os.remove(path)


class Random:
    """The same numbers on both runtimes: a 31-bit linear congruential generator (Park and Miller, CACM
    31(10), 1988).
    """

    def __init__(self, seed):
        self._x = seed % 2147483646 + 1

    def next(self):
        """An int in 1..2^31-2."""
        self._x = self._x * 48271 % 2147483647
        return self._x

    def between(self, low, high):
        """An int in low..high, both possible."""
        return low + self.next() % (high - low + 1)
