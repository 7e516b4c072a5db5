"""The time of records whose node has no clock, or one that is not to be believed.

Every record has ``u``, the time since its boot. One believable ``t`` of that boot ties ``u`` to Unix time
for all of them. Until there is one, a record is as old as ``u`` says it was when the newest was received,
which is an upper bound: of all messages of the boot the lowest bound counts.
"""

from __future__ import annotations

from dataclasses import dataclass

from babbitt.protocol.limits import T_AHEAD, T_MAX, T_MIN

ERRORS_MS = {1: 60_000, 2: 2_000, 3: 100, 4: 0}
"""Error (ms) that a clock of each quality is allowed; q 1 kept time over a reset, nobody knows how well."""

SIMULATED = 4


@dataclass(slots=True)
class Timebase:
    """What is known of the clock of one boot; the fields are columns of the store's ``boots``."""

    ref_u: int | None = None
    ref_t: int | None = None
    ref_q: int = 0
    recv: int | None = None
    clock_bad: int = 0
    changed: bool = False
    stale: bool = False

    @staticmethod
    def fault(t: int | None, q: int, now: int, simulated: bool) -> str | None:
        """Why ``t`` is not believed, in plain words; None if it is, or if the node itself does not trust
        it."""
        if t is None or q == 0:
            return None
        if q == SIMULATED and not simulated:
            return "its time is simulated, and this host was not started for simulated time"
        if not T_MIN <= t <= T_MAX:
            return "its clock is outside 2020 to 2100"
        if q != SIMULATED and t > now + T_AHEAD:
            return f"its clock is {(t - now) // 3_600_000} hours ahead"
        return None

    def learn(self, u: int, t: int, q: int) -> bool:
        """Take a believable reading; True if records without a time must be filled in (again)."""
        if self.ref_u is not None and q <= self.ref_q:
            return False
        self.ref_u, self.ref_t, self.ref_q = u, t, q
        self.changed = True
        return True

    def received(self, u: int, now: int) -> None:
        """A record of age ``u`` was received now; lowers the bound by whole seconds only."""
        if self.recv is None or now - u < self.recv - 1000:
            self.stale = self.recv is not None
            self.recv = now - u
            self.changed = True

    def fill(self, u: int) -> tuple[int, int, int | None]:
        """(t, tq, t_err) for a record without a time of its own; ``received`` or ``learn`` came before."""
        if self.ref_u is not None and self.ref_t is not None:
            return (
                min(T_MAX, max(0, self.ref_t + u - self.ref_u)),
                1,
                ERRORS_MS[self.ref_q] + abs(u - self.ref_u) // 10_000,
            )
        assert self.recv is not None, "received() comes first"
        return min(T_MAX, max(0, self.recv + u)), 2, None

    def refill(self) -> tuple[int, int, int | None]:
        """(offset, ref_u, err) for :meth:`babbitt.store.writer.StoreWriter.refill`."""
        if self.ref_u is not None and self.ref_t is not None:
            return self.ref_t - self.ref_u, self.ref_u, ERRORS_MS[self.ref_q]
        assert self.recv is not None, "received() comes first"
        return self.recv, 0, None
