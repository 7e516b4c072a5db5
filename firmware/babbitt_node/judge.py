"""The checks of a station: when each is judged, what it has learnt, and for which recipe.

A check with `when: running` is judged and learns only while the machine runs and the recipe has settled; between, its
state stays. Each recipe has baselines of its own (`baselines.py`): with a change of recipe they are kept and those of the
new one are taken, or learnt if there are none. They are written seldom: when something was learnt or is to be
learnt again (at most every _PAUSE_S), when the recipe changes, once in _EVERY_S, and at a clean end.
"""

from babbitt_node.errors import NodeError
from babbitt_node.hal.compile import const
from babbitt_node.hal.port import once

RECIPE_MAX = const(255)
_PAUSE_S = const(600)
_EVERY_S = const(86400)


class Judge:
    """checks, operating: as `assembly.build` makes them; nothing is read before `begin`.

    `recipe` of now; `writes` to flash since the installation; `operating` (operating.Operating, or None).
    """

    def __init__(self, checks, operating):
        self.checks = checks
        self.operating = operating
        self.recipe = 0
        self.writes = 0
        self._order = once("assembly", "connect", checks)
        self._learns = any(check.learns for check in checks)
        self._learnt = {}  # id: seconds run when it was learnt
        self._begun = False
        self._to_load = True
        self._next = None  # a recipe to change to
        self._told = []  # changed by a command or a recipe, to be told with the next record
        self._unkept = False  # something was learnt or forgotten since the last write
        self._kept_ms = 0  # since the last write or the start, at most _EVERY_S
        self._run_in_s = operating.spec["run_in_h"] * 3600 if operating else 0

    def begin(self):
        """Take what was kept on flash; to be called before the first record, while no window is open."""
        if self.operating is None:
            return
        if not self._begun:
            self._begun = True
            self.recipe, self.operating.running_s, self.writes = once("baselines", "where")
        if self._to_load:
            self._to_load = False
            self._load([check for check in self.checks if check.learning])

    def take_over(self, before, kept):
        """Go on where another judge stops. kept: ids of the sensors that stay the same."""
        for i, check in enumerate(self.checks):
            for other in before.checks:
                same = (other.id, other.TYPE, other.channel) == (check.id, check.TYPE, check.channel)
                here = check.channel is None or check.channel.split(".")[0] in kept
                if same and here and other.settings == check.settings:
                    other.channel_index = check.channel_index
                    self.checks[i] = other
                    if other.id in before._learnt:
                        self._learnt[other.id] = before._learnt[other.id]
        self._order = once("assembly", "connect", self.checks)
        self._begun = before._begun
        self.recipe, self.writes, self._next = before.recipe, before.writes, before._next
        self._told = [check for check in before._told if check in self.checks]
        self._unkept, self._kept_ms = before._unkept, before._kept_ms
        if self.operating and before.operating:
            if self.operating.spec == before.operating.spec:
                before.operating.index = self.operating.index
                self.operating = before.operating
            else:
                self.operating.running_s = before.operating.running_s

    def info(self):
        """`judge` of the state, or None without a configuration."""
        if self.operating is None:
            return None
        return {"recipe": self.recipe, "machine": self.operating.state, "writes": self.writes}

    # ---- commands

    def set_recipe(self, recipe):
        """Change to another recipe (0..255) with the next record. Raises NodeError bad_message."""
        if type(recipe) is not int or not 0 <= recipe <= RECIPE_MAX:
            raise NodeError("bad_message", "recipe: must be an integer 0..%d, not %r" % (RECIPE_MAX, recipe))
        self._next = recipe

    def relearn(self, ids=None):
        """Have checks forget what they learnt with this recipe. ids: of checks that learn, None: of all. Returns the ids.

        Raises NodeError bad_message; then nothing is forgotten.
        """
        found = self._named(ids, True)
        for check in found:
            self._learnt.pop(check.id, None)
            if check.forget():
                self._tell(check)
        if found:
            self._unkept = True
            self._kept_ms = (
                _EVERY_S * 1000
            )  # what is forgotten must not come back: written with the next record
        return [check.id for check in found]

    def release(self, ids=None):
        """Reset latched checks. ids: of checks, None: of all. Returns the ids of those whose state changed.

        Raises NodeError bad_message; then nothing is reset.
        """
        changed = [check for check in self._named(ids, False) if check.release()]
        for check in changed:
            self._tell(check)
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

    def close(self):
        """A clean end: keep what was learnt. Raises nothing."""
        if self._begun and self._learns and (self._unkept or self._kept_ms):
            self._save()

    # ---- records

    def judge(self, values, dt_ms):
        """Give every check its part of a record; yields those that changed their state."""
        operating = self.operating
        if operating is None:
            return
        self.begin()
        if self._next is not None:
            self._change()
        run_s = operating.running_s
        index = operating.index
        judged = operating.update(None if index is None else values[index], dt_ms)
        if run_s < self._run_in_s <= operating.running_s and self._learns:
            print("the run-in is over: learning again")
            self.relearn()
        while self._told:
            yield self._told.pop(0)
        for check, guards in self._order:
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
                self._learnt[check.id] = operating.running_s
                self._unkept = True
            if changed:
                yield check
        self._keep(dt_ms)

    def _change(self):
        """Another recipe: its baselines, or none."""
        recipe, self._next = self._next, None
        if recipe == self.recipe:
            return
        if self._unkept or self._kept_ms >= _PAUSE_S * 1000:
            self._save("save")
        self.recipe = recipe
        self._save("mark")  # it must survive a power cut
        self.operating.recipe_changed()
        self._learnt = {}
        learning = [check for check in self.checks if check.learns]
        before = [check.state for check in learning]
        self._load(learning)
        for i, check in enumerate(learning):
            if check.id not in self._learnt:
                check.forget()
            if check.state != before[i]:
                self._tell(check)

    def _tell(self, check):
        if check not in self._told:
            self._told.append(check)

    def _load(self, checks):
        if checks:
            operating = self.operating
            once("baselines", "load", checks, self.recipe, operating.running_s, self._run_in_s, self._learnt)

    def _keep(self, dt_ms):
        """Write what was learnt, when it is time."""
        if not self._learns:
            return
        self._kept_ms = min(_EVERY_S * 1000, self._kept_ms + max(0, dt_ms))
        if self._kept_ms >= (_PAUSE_S if self._unkept else _EVERY_S) * 1000:
            self._save()

    def _save(self, *what):
        """Write what has been learnt ("save"), where the node stands ("mark"), or both."""
        try:
            for function in what or ("save", "mark"):
                if function == "save":
                    self.writes = once(
                        "baselines", "save", self.checks, self.recipe, self.writes, self._learnt
                    )
                    self._kept_ms = 0
                    self._unkept = False
                else:
                    self.writes = once(
                        "baselines", "mark", self.recipe, self.operating.running_s, self.writes
                    )
        except OSError as error:
            print("baselines: the flash does not take them:", error)
            self._kept_ms = 0  # again after a pause


def _calm(guards):
    calm = True
    for guard in guards:
        calm = calm and guard.calm()
    return calm
