"""Telling systemd how the host is (sd_notify): ready, stopping, and alive.

Source: the protocol described in sd_notify(3); a datagram to the socket named by NOTIFY_SOCKET.
"""

from __future__ import annotations

import logging
import os
import socket
import time
from contextlib import suppress

log = logging.getLogger(__name__)


class Notifier:
    """Does nothing where no service manager listens."""

    def __init__(self) -> None:
        self._where = os.environ.get("NOTIFY_SOCKET", "")
        period = os.environ.get("WATCHDOG_USEC", "")
        self.every_s = int(period) / 2e6 if period.isdecimal() and self._where else 0.0
        """Seconds between two signs of life; 0: nobody waits for any."""
        self._next = 0.0

    def tell(self, state: str) -> None:
        """Tell a state, as ``READY=1``."""
        if not self._where:
            return
        where = "\0" + self._where[1:] if self._where.startswith("@") else self._where
        with suppress(OSError), socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as to:
            to.sendto(state.encode(), where)

    def alive(self, stuck: str) -> None:
        """A sign of life when one is due, unless something is ``stuck`` (which is then logged)."""
        now = time.monotonic()
        if not self.every_s or now < self._next:
            return
        self._next = now + self.every_s
        if stuck:
            log.error("%s: no sign of life is given", stuck)
        else:
            self.tell("WATCHDOG=1")
