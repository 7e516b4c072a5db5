"""What the checks have learnt, with the power cut at every single change of the chip. Only for MicroPython.

    run(32, 12)        # by tests/firmware/cpython/test_power_cut.py: Runner.call("baselinecut", ...)

A life of changes of recipes and of learning again. After every cut a node starts on what is left: it must know a recipe that
it was told (the old or the new one), and each recipe must have the baseline it had or the one that was being written.
"""

import os

import vfs
from flashdisk import Flash, mount
from powercut import Cuts

from babbitt_node import baselines
from babbitt_node.checks import make

SPEC = {"id": "usual", "type": "zscore", "channel": "vib.x.rms", "learn": 8}


class Promise:
    """`recipes` that may be the one of now; `means` {recipe: all means that may be kept, None for nothing}."""

    def __init__(self):
        self.recipes = {0}
        self.means = {}
        self.writes = 0
        self._order = []  # recipes with a file, the one written longest ago first

    def learn(self, recipe, mean):
        """A recipe is changed to, learnt, and kept."""
        self.recipes.add(recipe)
        self.writes = baselines.mark(recipe, 60, self.writes)
        self.recipes = {recipe}
        before = self.means.setdefault(recipe, {None})
        before.add(mean)
        going = self._order[0] if recipe not in self._order and len(self._order) == baselines.KEPT else None
        if going is not None:
            self.means[going].add(None)
        self.writes = baselines.save([learnt(mean)], recipe, self.writes, {"usual": 60})
        self.means[recipe] = {mean}
        if going is not None:
            self.means[going] = {None}
            self._order.remove(going)
        if recipe in self._order:
            self._order.remove(recipe)
        self._order.append(recipe)

    def forget(self, recipe):
        """A recipe is to be learnt again."""
        self.means[recipe].add(None)
        self.writes = baselines.save([make(SPEC, 0)], recipe, self.writes, {})
        self.means[recipe] = {None}
        self._order.remove(recipe)


def learnt(mean):
    """A check that has learnt."""
    check = make(SPEC, 0)
    for _ in range(8):
        check.update(mean, 1000)
    return check


def survive(folder, promise, deeper=None):
    """Start on what a cut has left, hold it against `promise`, go on with it."""
    os.chdir(folder)
    try:
        recipe, _, writes = baselines.where()
        assert recipe in promise.recipes, "recipe %d, not %r" % (recipe, promise.recipes)
        for kept, means in promise.means.items():
            check = make(SPEC, 0)
            had = {}
            baselines.load([check], kept, 60, 0, had)
            mean = check.evidence().get("mean")
            assert mean in means and (mean is None) == (not had), "recipe %d: %r, not %r" % (
                kept,
                mean,
                means,
            )
        # It goes on.
        writes = baselines.save([learnt(77)], recipe, writes, {"usual": 60})
        baselines.mark(9, 60, writes)
        check = make(SPEC, 0)
        baselines.load([check], recipe, 60, 0, {})
        assert baselines.where()[0] == 9 and check.evidence()["mean"] == 77
    finally:
        os.chdir("/flash")


def run(blocks, rounds):
    """Play the life; returns the figures as plain JSON types."""
    flash = Flash(blocks)
    mount(flash, "/flash", make=True)
    os.chdir("/flash")
    promise = Promise()
    cuts = Cuts(flash, promise, check=survive)
    for i in range(rounds):
        promise.learn(i % 10, 1000 + 10 * i)
        if i % 4 == 3:
            promise.forget(i % 10)
    flash.before = None
    os.chdir("/")
    vfs.umount("/flash")
    return {
        "cuts": cuts.cuts, "failed": cuts.failed, "failures": cuts.failures,
        "recipes": len(promise.means), "dirty_programs": flash.dirty,
    }  # fmt: skip
