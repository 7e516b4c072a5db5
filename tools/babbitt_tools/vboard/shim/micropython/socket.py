"""`socket` that knows whether the network owes an answer, and that a radio link can be down.

Down means: nothing gets out, nothing comes in, nothing is lost; TCP goes on when the link is back.
"""

import io

import network
import uselect
import usocket
import vmqtt
import vworld
from usocket import *

_GET_FILENO = 10
_POLL = 3
_CLOSE = 4
_UNREACHABLE = 113
_TCP = 6
_QUICKACK = 12


def getaddrinfo(*args):
    """As the built-in; without a network OSError -202, as on an ESP32."""
    if not network.reachable():
        raise OSError(-202)
    return usocket.getaddrinfo(*args)


def ready(stream, events):
    """Which of the events are there now on a stream of the PC."""
    poller = uselect.poll()
    poller.register(stream, events)
    found = poller.poll(0)
    return found[0][1] if found else 0


class socket(io.IOBase):
    """A stream or datagram socket; the built-in one does the work."""

    def __init__(self, af=usocket.AF_INET, type=usocket.SOCK_STREAM, proto=0):
        self._s = usocket.socket(af, type, proto)
        self._mqtt = vmqtt.Tracker(vworld.clock.owe)
        self.setsockopt = self._s.setsockopt
        self.setblocking = self._s.setblocking
        self.settimeout = self._s.settimeout
        self.fileno = self._s.fileno

    def ioctl(self, request, argument):
        """What the real poll asks for: the file descriptor; what TLS on top asks for: which of the events `argument`
        are there, and to close.
        """
        if request == _GET_FILENO:
            return self._s.fileno()
        if request == _CLOSE:
            self.close()
            return 0
        if request != _POLL:
            return -1
        return ready(self._s, argument) if vworld.wifi_up else 0

    def connect(self, address):
        """`address` as from getaddrinfo, or (host, port) as an ESP32 takes it."""
        if not network.reachable():
            raise OSError(_UNREACHABLE)
        if isinstance(address, tuple):
            address = usocket.getaddrinfo(*address)[0][-1]
        self._mqtt.connecting()
        self._s.connect(address)

    def write(self, data, size=None):
        """Bytes taken, or None when the socket would block."""
        if not vworld.wifi_up:
            return None
        count = self._s.write(data)
        if count:
            self._mqtt.sent(data, count)
        return count

    def send(self, data):
        """As write, but OSError EAGAIN when it would block."""
        if not vworld.wifi_up:
            raise OSError(11)
        count = self._s.send(data)
        self._mqtt.sent(data, count)
        return count

    sendall = send

    def readinto(self, buf, size=None):
        """Bytes read, 0 at the end, None when the socket would block."""
        if not vworld.wifi_up:
            return None
        count = self._s.readinto(buf)
        if count is not None:
            self._mqtt.received(buf, count)
            self._acknowledge()
        return count

    def read(self, size=-1):
        """Up to `size` bytes, None when the socket would block."""
        if not vworld.wifi_up:
            return None
        data = self._s.read(size) if size >= 0 else self._s.read()
        if data is not None:
            self._mqtt.received(data, len(data))
            self._acknowledge()
        return data

    def recv(self, size):
        """As read, but OSError EAGAIN when it would block."""
        if not vworld.wifi_up:
            raise OSError(11)
        data = self._s.recv(size)
        self._mqtt.received(data, len(data))
        return data

    def _acknowledge(self):
        """Have the PC acknowledge at once: a broker that uses Nagle's algorithm would wait 40 ms for it
        (Linux only).
        """
        try:
            self._s.setsockopt(_TCP, _QUICKACK, 1)
        except OSError:
            self._acknowledge = lambda: None  # this PC does not know the option

    def hand_over(self):
        """Give away who watches the bytes: from now on they are sealed."""
        tracker, self._mqtt = self._mqtt, vmqtt.Tracker(vworld.clock.owe)
        return tracker

    def close(self):
        """Close; nothing is owed any more."""
        self._mqtt.close()
        self._s.close()
