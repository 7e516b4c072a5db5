"""TLS on the virtual board: the real one, watched where it is not sealed yet (MicroPython only).

A board looks at its clock to check a certificate; here TLS looks at that of the PC, whatever the virtual time.
"""

import io

import socket

_POLL = 3


class _Watched(io.IOBase):
    """A TLS socket that tells the tracker of its plain socket what goes through."""

    def __init__(self, sealed, tracker):
        self._s = sealed
        self._mqtt = tracker

    def ioctl(self, request, argument):
        """What the real poll asks for: which of the events `argument` are there."""
        return socket.ready(self._s, argument) if request == _POLL else -1

    def write(self, data, size=None):
        """Bytes taken, or None while there is no room or no end of the handshake."""
        count = self._s.write(data)
        if count:
            self._mqtt.sent(data, count)
        return count

    def readinto(self, buf, size=None):
        """Bytes read, 0 at the end, None when there are none."""
        count = self._s.readinto(buf)
        if count is not None:
            self._mqtt.received(buf, count)
        return count

    def close(self):
        """Close; nothing is owed any more."""
        self._mqtt.close()
        self._s.close()


def watch(ssl):
    """Have every TLS connection of the module watched."""
    wrap = ssl.SSLContext.wrap_socket

    def wrap_socket(self, sock, *args, **kwargs):
        sealed = wrap(self, sock, *args, **kwargs)
        return _Watched(sealed, sock.hand_over())

    ssl.SSLContext.wrap_socket = wrap_socket
