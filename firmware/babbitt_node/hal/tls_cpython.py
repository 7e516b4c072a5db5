"""TLS on CPython, for `hal/tls.py`: asyncio takes no SSL sockets, so bytes are sealed in memory and sent by a plain
connection. MicroPython never loads this.
"""

import os
import ssl
import tempfile
from base64 import encodebytes

from ..errors import NodeError
from .tcp import Connection

_LABELS = ("PRIVATE KEY", "EC PRIVATE KEY", "RSA PRIVATE KEY")


def load_own(context, cert, key):
    """CPython reads PEM files only: one is written beside the key, for its owner alone, and removed at once."""
    failure = None
    for label in _LABELS:  # DER does not tell which of the three it is
        handle, name = tempfile.mkstemp(dir=".")
        try:
            with os.fdopen(handle, "wb") as file:
                for kind, data in (("CERTIFICATE", cert), (label, key)):
                    file.write(b"-----BEGIN %s-----\n" % kind.encode() + encodebytes(data))
                    file.write(b"-----END %s-----\n" % kind.encode())
            return context.load_cert_chain(name)
        except ssl.SSLError as error:
            failure = failure or error
        finally:
            os.remove(name)
    raise failure


class _Sealed(Connection):
    """A connection whose bytes go through a TLS object: asyncio takes no SSL sockets."""

    def __init__(self, handshake):
        super().__init__(handshake.conn._sock)
        self._plain = handshake.conn
        self._tls = handshake.tls
        self._in = handshake.into
        self._out = handshake.out
        self._chunk = memoryview(bytearray(4096))

    async def readinto(self, buf):
        while True:
            try:
                return self._tls.read(len(buf), buf)
            except ssl.SSLWantReadError:
                pass
            except ssl.SSLZeroReturnError:
                return 0
            except ssl.SSLError as error:
                raise NodeError("tls_error", "reading: %s" % error)
            count = await self._plain.readinto(self._chunk)
            if not count:
                return 0
            self._in.write(self._chunk[:count])

    async def write(self, buf, timeout_ms=10000):
        if self._sock is None:
            raise NodeError("broker_lost", "writing to a closed connection")
        try:
            self._tls.write(buf)
        except ssl.SSLError as error:
            raise NodeError("tls_error", "writing: %s" % error)
        await self._plain.write(self._out.read(), timeout_ms)

    def close(self):
        self._plain.close()
        self._sock = None


class Handshake:
    """A handshake over `conn`: what `hal.tls` asks for, here of a TLS object and two buffers."""

    def __init__(self, conn, context, name):
        self.conn = conn
        self.into = ssl.MemoryBIO()
        self.out = ssl.MemoryBIO()
        self.tls = context.wrap_bio(self.into, self.out, server_hostname=name)
        self._sealed = b""  # on its way to the network
        self._taken = 0

    def hand_over(self, view):
        """Take a step; bytes of `view` that were taken, 0 while the handshake goes on."""
        try:
            data = self.conn._sock.recv(4096)
            if not data:
                raise ConnectionResetError(104, "closed")
            self.into.write(data)
        except BlockingIOError:
            pass
        try:
            if not self._taken:
                self.tls.do_handshake()
                self._taken = self.tls.write(view)
        except ssl.SSLWantReadError:
            pass
        finally:
            self._sealed += self.out.read()
            if self._sealed:
                self._sealed = self._sealed[self.conn._try_write(self._sealed) :]
        return 0 if self._sealed else self._taken

    def connection(self):
        """The connection to use from now on."""
        return _Sealed(self)

    def close(self):
        """Close; harmless when closed already."""
        self.conn.close()
