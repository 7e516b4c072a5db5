"""`select` whose waiting is virtual: see `vclock`."""

import uselect
import vworld
from uselect import *


class _Poll:
    """As `select.poll()`. While the radio link is down no socket is ever ready."""

    def __init__(self):
        self._real = uselect.poll()
        self.register = self._real.register
        self.modify = self._real.modify
        self.unregister = self._real.unregister
        self._wait = self._poll_real

    def _poll_real(self, ms):
        if vworld.wifi_up:
            return self._real.poll(ms)
        return vworld.clock._no_socket(ms)

    def poll(self, timeout=-1):
        """A list of (object, event); empty after `timeout` ms."""
        return vworld.clock.wait(timeout * 1000, self._wait)

    ipoll = poll


def poll():
    """A new poll object."""
    return _Poll()
