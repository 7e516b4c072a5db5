"""Runs before main.py. Nothing belongs here that could keep a board from being reached again.

A new version is put into `next/` file by file, and `next/plan.json` last: from then on it is in force. What the plan
says is done at the next start; a power cut in the middle is made up for at the one after.
"""

import gc
import os

if hasattr(gc, "threshold"):  # MicroPython: collect often while modules load, so that the heap stays whole
    gc.threshold(8192)


def take_over():
    """Put the files of `next/` in their places and throw away what the plan says is old."""
    import json

    with open("next/plan.json") as file:
        plan = json.load(file)
    waiting = os.listdir("next")
    for name, path in plan["move"]:
        if name in waiting:  # else it was moved before a power cut
            parts = path.split("/")
            for depth in range(1, len(parts)):
                try:
                    os.mkdir("/".join(parts[:depth]))
                except OSError:
                    pass  # it is there
            os.rename("next/" + name, path)
    for path in plan["remove"]:
        try:
            os.remove(path)
        except OSError:
            pass  # it is gone
    for name in os.listdir("next"):
        if name != "plan.json":
            os.remove("next/" + name)
    os.remove("next/plan.json")
    os.rmdir("next")


try:
    os.stat("next/plan.json")
except OSError:
    pass
else:
    try:
        take_over()
        print("boot: a new version is in place")
    except Exception as error:
        print("boot: the new version could not be put in place:", error)
