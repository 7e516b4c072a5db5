"""The checks of a station: when each is judged, what it has learnt, and for which recipe.

A check with `when: running` is judged and learns only while the machine runs and the recipe has settled; between, its
state stays. Each recipe has baselines of its own (`baselines.py`): with a change of recipe they are kept and those of the
new one are taken, or learnt if there are none (`changeover.py`). They are written seldom: when something was learnt or is
to be learnt again (at most once in PAUSE_MS), when the recipe changes, once in _EVERY_MS, and at a clean end.
"""

from babbitt_node.errors import NodeError
from babbitt_node.hal.compile import const
from babbitt_node.hal.port import once

RECIPE_MAX = const(255)
_EVERY_MS = const(86400000)


class Judge:
    """checks, operating: as `assembly.build` makes them; nothing is read before `begin`.

    `recipe` of now; `writes` to flash since the installation; `operating` (operating.Operating, or None). The others
    are for `changeover.py`.
    """

    PAUSE_MS = 600000

    def __init__(self, checks, operating):
        self.checks = checks
        self.operating = operating
        self.recipe = 0
        self.writes = 0
        self.order = once("assembly", "connect", checks)
        self.learnt = {}  # id: seconds run when it was learnt
        self.begun = False  # whether it is known what is on flash
        self.next = None  # a recipe to change to
        self.told = []  # changed by a command or a recipe, to be told with the next record
        self.unkept = False  # something was learnt or forgotten since the last write
        self.kept_ms = 0  # since the last write or the start, at most _EVERY_MS
        self.run_in_s = operating.spec["run_in_h"] * 3600 if operating else 0
        self._learns = any(check.learns for check in checks)
        self._to_begin = operating is not None

    def begin(self):
        """Take what was kept on flash; to be called before the first record, while no window is open."""
        if self._to_begin:
            once("changeover", "begin", self)
            self._to_begin = (
                False  # not before: without room for it now, it is tried again with the next record
            )

    def take_over(self, before, kept):
        """Go on where another judge stops. kept: ids of the sensors that stay the same."""
        once("changeover", "take_over", self, before, kept)

    def info(self):
        """`judge` of the state, or None without a configuration."""
        if self.operating is None:
            return None
        return {"recipe": self.recipe, "machine": self.operating.state, "writes": self.writes}

    # ---- commands: they touch no flash, and are told with the next record

    def set_recipe(self, recipe):
        """Change to another recipe (0..255) with the next record. Raises NodeError bad_message."""
        if type(recipe) is not int or not 0 <= recipe <= RECIPE_MAX:
            raise NodeError("bad_message", "recipe: must be an integer 0..%d, not %r" % (RECIPE_MAX, recipe))
        self.next = recipe

    def relearn(self, ids=None):
        """Have checks forget what they learnt with this recipe. ids: of checks that learn, None: of all. Returns the ids.

        Raises NodeError bad_message; then nothing is forgotten.
        """
        found = self._named(ids, True)
        for check in found:
            self.learnt.pop(check.id, None)
            if check.forget():
                self.tell(check)
        if found:
            self.unkept = True
            self.kept_ms = _EVERY_MS  # it must not come back: written with the next record
        return [check.id for check in found]

    def release(self, ids=None):
        """Reset latched checks. ids: of checks, None: of all. Returns the ids of those whose state changed.

        Raises NodeError bad_message; then nothing is reset.
        """
        changed = [check for check in self._named(ids, False) if check.release()]
        for check in changed:
            self.tell(check)
        return [check.id for check in changed]

    def _named(self, ids, learning):
        if ids is None:
            return [check for check in self.checks if check.learns or not learning]
        known = {check.id: check for check in self.checks}
        for name in ids:
            if name not in known:
                raise NodeError("bad_message", "there is no check %r" % (name,))
            if learning and not known[name].learns:
                raise NodeError("bad_message", "check %s does not learn" % name)
        return [known[name] for name in ids]

    def tell(self, check):
        """The state of a check has changed: say so with the next record."""
        if check not in self.told:
            self.told.append(check)

    # ---- records

    def judge(self, values, dt_ms):
        """Give every check its part of a record; yields those that changed their state."""
        operating = self.operating
        if operating is None:
            return
        self.begin()
        if self.next is not None:
            once("changeover", "recipe", self)
        run_s = operating.running_s
        index = operating.index
        judged = operating.update(None if index is None else values[index], dt_ms)
        if run_s < self.run_in_s <= operating.running_s and self._learns:
            print("the run-in is over: learning again")
            self.relearn()
        while self.told:
            yield self.told.pop(0)
        for check, guards in self.order:
            value = check.reading(values)
            if check.settings["when"] == "running" and not judged:
                if check.GAPS:
                    continue
                value = None
            learning = check.learning
            if learning and not _calm(guards):
                value = None
            changed = check.update(value, dt_ms)
            if learning and not check.learning:
                self.learnt[check.id] = operating.running_s
                self.unkept = True
            if changed:
                yield check
        if self._learns:
            self.kept_ms = min(_EVERY_MS, self.kept_ms + max(0, dt_ms))
            if self.kept_ms >= (self.PAUSE_MS if self.unkept else _EVERY_MS):
                self.save()

    def close(self):
        """A clean end: keep what was learnt. Raises nothing."""
        if self.begun and self._learns and (self.unkept or self.kept_ms):
            self.save()

    def save(self, mark=True):
        """Write what has been learnt, and where the node stands. Raises nothing."""
        self.kept_ms = 0  # also if it fails: again after a pause
        try:
            self.writes = once("baselines", "save", self.checks, self.recipe, self.writes, self.learnt)
            self.unkept = False
        except (OSError, MemoryError) as error:
            print("baselines: the flash does not take them:", repr(error))
        if mark:
            self.mark()

    def mark(self):
        """Write where the node stands: the recipe, and how long the machine has run. Raises nothing."""
        try:
            self.writes = once("baselines", "mark", self.recipe, self.operating.running_s, self.writes)
        except (OSError, MemoryError) as error:
            print("baselines: the flash does not take it:", repr(error))


def _calm(guards):
    calm = True
    for guard in guards:
        calm = calm and guard.calm()
    return calm
