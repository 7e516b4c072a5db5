"""Play a golden vector through a check, on both runtimes.

A vector is {"spec", "values", "dt_ms", "restore_at"}: settings of a check, the values (int or None), the
milliseconds before each (a list, or one number for all), and the places where the state is dumped and loaded
into a new check before going on.
"""

import gc
import json
import os
import sys
from array import array

from babbitt_node.checks import make
from babbitt_node.dsp.features import vibration


def golden_folder():
    """Folder of the golden vectors of the checks."""
    tests = os.getenv("BABBITT_TESTS")  # MicroPython runs elsewhere and is told
    if tests is None:
        tests = __file__.replace("\\", "/").rsplit("/", 2)[0]
    return tests + "/golden/checks/"


def golden_names():
    """Names of all golden vectors, in order."""
    return sorted(name[:-5] for name in os.listdir(golden_folder()) if name.endswith(".json"))


def golden(name):
    """One golden vector with its expected `transitions` and `final` state."""
    with open(golden_folder() + name + ".json") as file:
        return json.load(file)


def replay(vector):
    """{"transitions": [...], "final": [state array]}; a transition carries everything an event would."""
    check = make(vector["spec"], 0)
    transitions = []
    dt_ms = vector["dt_ms"]
    for i, value in enumerate(vector["values"]):
        if i in vector["restore_at"]:
            state = array("i", [0] * check.SIZE)
            check.dump(state)
            check = make(vector["spec"], 0)
            check.load(state)
        if check.update(value, dt_ms[i] if type(dt_ms) is list else dt_ms):
            transitions.append({
                "index": i, "from": check.previous, "state": check.state, "severity": check.severity,
                "value": check.value, "limit": check.limit, "held_s": check.held_s,
                "evidence": check.evidence(),
            })  # fmt: skip
    final = array("i", [0] * check.SIZE)
    check.dump(final)
    return {"transitions": transitions, "final": list(final)}


def features(window):
    """{"features": [rms, peak, crest, kurtosis]} of {"counts", "scale": [num, den]}."""
    counts, scale, out = window["counts"], window["scale"], array("i", [0] * 4)
    vibration(array("h", counts), len(counts), scale[0], scale[1], out, 0)
    return {"features": list(out)}


def serve():
    """Answer each line of standard input (a vector or a window as JSON) with a line of JSON; for
    bench/golden.py.
    """
    while True:
        line = job = None
        gc.collect()  # the lines are long for a node's heap
        line = sys.stdin.readline()
        if not line:
            return
        job = json.loads(line)
        print(json.dumps(features(job) if "counts" in job else replay(job)))
