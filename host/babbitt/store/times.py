"""The times of records whose node had no clock when they were taken, as far as they can be told now.

The record log has what was known when they came in. The clock of a boot (table ``boots``) may have been set since.
"""

from __future__ import annotations

import sqlite3

import numpy as np
from numpy.typing import NDArray

from babbitt.protocol.limits import T_MAX
from babbitt.store import log
from babbitt.store.timebase import ERRORS_MS

SETTLED_MS = 3_600_000
"""After this long an estimated time is left as it is."""


def retimed(conn: sqlite3.Connection, section: log.Section) -> log.Section:
    """The section with the best times that are known now; the same one if there is nothing to improve."""
    waiting = section["tq"] == log.ESTIMATED
    if not waiting.any():
        return section
    section = section.copy()
    for install, boot in np.unique(section[["install", "boot"]][waiting]).tolist():
        clock = conn.execute(
            "SELECT ref_u, ref_t, ref_q, recv FROM boots WHERE install_id=? AND boot=?", (install, boot)
        ).fetchone()
        if clock is None:
            continue
        mine = waiting & (section["install"] == install) & (section["boot"] == boot)
        ref_u, ref_t, ref_q, recv = clock
        u = section["u"][mine]
        if ref_u is not None:
            section["t"][mine] = np.clip(ref_t - ref_u + u, 0, T_MAX)
            section["tq"][mine] = log.FILLED
            section["t_err"][mine] = np.minimum(ERRORS_MS[ref_q] + np.abs(u - ref_u) // 10_000, 2**31 - 1)
        elif recv is not None:
            section["t"][mine] = np.clip(recv + u, 0, T_MAX)
    return section


def settled(conn: sqlite3.Connection, section: log.Section, now: int) -> NDArray[np.bool_]:
    """Which records' times will not change any more: their clock is known, their boot is over, or they have waited
    long enough. ``now`` is the host's time in ms."""
    waiting = section["tq"] == log.ESTIMATED
    done = ~waiting
    for install, boot in np.unique(section[["install", "boot"]][waiting]).tolist():
        (later,) = conn.execute(
            "SELECT EXISTS (SELECT 1 FROM boots WHERE install_id=? AND boot>?)", (install, boot)
        ).fetchone()
        mine = waiting & (section["install"] == install) & (section["boot"] == boot)
        done |= mine & (bool(later) | (section["t"] < now - SETTLED_MS))
    return np.asarray(done, np.bool_)
