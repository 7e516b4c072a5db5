"""Plays series through a check of the node, on MicroPython and on CPython alike; for checks.py.

On MicroPython: `micropython checks_node.py JOB`, JOB a file with {"spec": {...}, "series": [path, ...]}; a path
names int32 values. It prints one JSON line a series. A node's heap is small, so values are read in pieces.
"""

import json
import sys
import time
from array import array

from babbitt_node.checks import make

PIECE = 256
DT_MS = 10000

if sys.implementation.name == "micropython":
    now_us = time.ticks_us

    def passed_us(start):
        """Microseconds since `start`."""
        return time.ticks_diff(time.ticks_us(), start)
else:

    def now_us():
        """A point in time, us."""
        return time.perf_counter_ns() // 1000

    def passed_us(start):
        """Microseconds since `start`."""
        return now_us() - start


def play(spec, path):
    """{"told": every transition with its evidence, "final": the state, "us": time for all values}."""
    check = make(spec, 0)
    update = check.update
    part = array("i", [0] * PIECE)
    told = []
    at = spent = 0
    with open(path, "rb") as file:
        while True:
            n = file.readinto(part) // 4
            if not n:
                break
            i = 0
            start = now_us()
            while i < n:
                if update(part[i], DT_MS):
                    spent += passed_us(start)
                    found = sorted(check.evidence().items())
                    told.append([at + i, check.previous, check.state, check.value, check.held_s, found])
                    start = now_us()
                i += 1
            spent += passed_us(start)
            at += n
    final = array("i", [0] * check.SIZE)
    check.dump(final)
    return {"told": told, "final": list(final), "us": spent}


if __name__ == "__main__":
    with open(sys.argv[1]) as file:
        job = json.load(file)
    for path in job["series"]:
        print(json.dumps(play(job["spec"], path)))
