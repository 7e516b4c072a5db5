"""What a `judge.Judge` does when something else is to be judged by: at the start, for another recipe, with another
configuration. Needed seldom, so it is reached by `port.once`.
"""

from babbitt_node import baselines
from babbitt_node.assembly import connect

BORROWS = ("assembly", "baselines", "checks.rows")


def begin(judge):
    """Take what was kept on flash: the recipe of now and, for checks without one, baselines."""
    if not judge.begun:
        judge.begun = True
        judge.recipe, judge.operating.running_s, judge.writes = baselines.where()
    _load(judge, [check for check in judge.checks if check.learning])


def take_over(judge, before, kept):
    """See Judge."""
    checks = judge.checks
    for i, check in enumerate(checks):
        for other in before.checks:
            same = (other.id, other.TYPE, other.channel) == (check.id, check.TYPE, check.channel)
            here = check.channel is None or check.channel.split(".")[0] in kept
            if same and here and other.settings == check.settings:
                other.channel_index = check.channel_index
                checks[i] = other
                if other.id in before.learnt:
                    judge.learnt[other.id] = before.learnt[other.id]
    judge.order = connect(checks)
    judge.begun = before.begun
    judge.recipe, judge.writes, judge.next = before.recipe, before.writes, before.next
    judge.told = [check for check in before.told if check in checks]
    judge.unkept, judge.kept_ms = before.unkept, before.kept_ms
    if judge.operating and before.operating:
        if judge.operating.spec == before.operating.spec:
            before.operating.index = judge.operating.index
            judge.operating = before.operating
        else:
            judge.operating.running_s = before.operating.running_s


def recipe(judge):
    """Change to `judge.next`: keep what was learnt, take the baselines of the new recipe, or learn."""
    new, judge.next = judge.next, None
    if new == judge.recipe:
        return
    if judge.unkept or judge.kept_ms >= judge.PAUSE_MS:
        judge.save(False)
    judge.recipe = new
    judge.mark()  # it must survive a power cut
    judge.operating.recipe_changed()
    judge.learnt = {}
    learning = [check for check in judge.checks if check.learns]
    before = [check.state for check in learning]
    _load(judge, learning)
    for i, check in enumerate(learning):
        if check.id not in judge.learnt:
            check.forget()
        if check.state != before[i]:
            judge.tell(check)


def _load(judge, checks):
    if checks:
        baselines.load(checks, judge.recipe, judge.operating.running_s, judge.run_in_s, judge.learnt)
