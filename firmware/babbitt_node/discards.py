"""What a full spool had to throw away: counted, by range, and never forgotten."""

from babbitt_node.hal.compile import const

_KEPT = const(8)


class Discards:
    """Counts since installation and the newest ranges.

    Attributes: `rows`, `events`; `ranges` a list of at most 8 [boot, first seq, last seq], newest last.
    """

    def __init__(self):
        self.rows = self.events = 0
        self.ranges = []

    def note(self, boot, seq, is_row):
        """Count one record, which may lengthen the newest range."""
        if is_row:
            self.rows += 1
        else:
            self.events += 1
        newest = self.ranges[-1] if self.ranges else None
        if newest and newest[0] == boot and newest[2] + 1 == seq:
            newest[2] = seq
            return
        self.ranges.append([boot, seq, seq])
        if len(self.ranges) > _KEPT:
            self.ranges.pop(0)

    def dump(self):
        """As plain JSON types."""
        return [self.rows, self.events, self.ranges]

    def load(self, dumped):
        """Take over what `dump` gave. Raises ValueError or TypeError for anything else."""
        rows, events, ranges = dumped
        self.rows, self.events = int(rows), int(events)
        self.ranges = [[int(boot), int(first), int(last)] for boot, first, last in ranges]
