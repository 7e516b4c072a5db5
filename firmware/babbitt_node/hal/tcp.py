"""TCP connections of the node: non-blocking on both runtimes, without Nagle's delay, and never for ever.

    from babbitt_node.hal.tcp import open_tcp

    conn = await open_tcp("192.168.1.2", 1883, 5000)
    await conn.write(b"ping")
    count = await conn.readinto(buf)       # 0: the other side closed
    conn.close()
"""

import asyncio
import errno
import socket

from ..errors import NodeError
from .compile import const
from .port import MICROPYTHON, sleep_ms, ticks_diff, ticks_ms, wait_for_ms

_TCP = const(6)  # IPPROTO_TCP and TCP_NODELAY: MicroPython has no names for them; the numbers are universal
_NODELAY = const(1)
_WRITE_RETRY_MS = const(5)


if MICROPYTHON:
    from asyncio import core as _core

    def _wait_writable(sock):
        # A generator, which is what `await` takes on MicroPython; the same call as in asyncio's own Stream.
        yield _core._io_queue.queue_write(sock)

    async def _connect(sock, address):
        try:
            sock.connect(address)
        except OSError as error:
            if error.errno != errno.EINPROGRESS:
                raise
        await _wait_writable(sock)
        try:
            sock.send(b"")  # there is no getsockopt: a refused connection shows itself here
        except OSError as error:
            if error.errno != errno.EAGAIN:
                raise

    class Conn:
        """One TCP connection. One task may read and one may write at a time.

        Whoever closes it must have cancelled the reading task before.
        """

        def __init__(self, sock):
            self._sock = sock

        def readinto(self, buf):
            """Coroutine: wait for data and put up to len(buf) bytes into `buf`; their count, 0 at the end.

            Waits without limit: the caller watches the time. Raises NodeError broker_lost.
            """
            while True:
                yield _core._io_queue.queue_read(self._sock)
                try:
                    count = self._sock.readinto(buf)
                except OSError as error:
                    raise NodeError("broker_lost", "reading: %s" % error)
                if count is not None:
                    return count

        def _try_write(self, view):
            return self._sock.write(view) or 0

        def close(self):
            """Close; harmless when closed already."""
            if self._sock is not None:
                self._sock.close()
                self._sock = None

else:

    async def _connect(sock, address):
        await asyncio.get_running_loop().sock_connect(sock, address)

    class Conn:
        """One TCP connection. One task may read and one may write at a time.

        Whoever closes it must have cancelled the reading task before.
        """

        def __init__(self, sock):
            self._sock = sock

        async def readinto(self, buf):
            """Wait for data and put up to len(buf) bytes into `buf`; their count, 0 at the end.

            Waits without limit: the caller watches the time. Raises NodeError broker_lost.
            """
            await asyncio.sleep(0)  # data that is there already must not keep the other tasks from running
            try:
                return await asyncio.get_running_loop().sock_recv_into(self._sock, buf)
            except OSError as error:
                raise NodeError("broker_lost", "reading: %s" % error)

        def _try_write(self, view):
            try:
                return self._sock.send(view)
            except BlockingIOError:
                return 0

        def close(self):
            """Close; harmless when closed already."""
            if self._sock is not None:
                self._sock.close()
                self._sock = None


class _Connection(Conn):
    """The half of a connection that is the same everywhere."""

    async def write(self, buf, timeout_ms=10000):
        """Hand all of `buf` to the network. Returns at once when there is room for it, else tries again every
        5 ms, so that closing from another task is noticed.

        Raises NodeError timeout, broker_lost (closed or reset).
        """
        view = buf
        started = ticks_ms()
        while True:
            if self._sock is None:
                raise NodeError("broker_lost", "writing to a closed connection")
            try:
                done = self._try_write(view)
            except OSError as error:
                raise NodeError("broker_lost", "writing: %s" % error)
            if done == len(view):
                return
            if done:
                view = memoryview(view)[done:]
            if ticks_diff(ticks_ms(), started) > timeout_ms:
                raise NodeError("timeout", "the network took no data for %d ms" % timeout_ms)
            await sleep_ms(_WRITE_RETRY_MS)


async def open_tcp(host, port, timeout_ms):
    """Connect to `host` (name or address) and return a Conn with TCP_NODELAY set.

    Conn: coroutines `readinto(buf)` and `write(buf, timeout_ms=10000)`, plain `close()`. Every address of the
    name is tried; the time-out is for all of them together. Resolving a name blocks: an address does not.
    Raises NodeError network_down (unknown name, nobody listens, no route) or timeout.
    """
    where = "%s:%d" % (host, port)
    try:
        addresses = socket.getaddrinfo(host, port, 0, socket.SOCK_STREAM)
    except OSError as error:
        raise NodeError("network_down", "cannot find %s: %s; check broker.host" % (where, error))
    started = ticks_ms()
    failure = None
    for family, kind, protocol, _, address in addresses:
        left = timeout_ms - ticks_diff(ticks_ms(), started)
        if left <= 0:
            break
        sock = socket.socket(family, kind, protocol)
        try:
            sock.setblocking(False)
            await wait_for_ms(_connect(sock, address), left)
            sock.setsockopt(_TCP, _NODELAY, 1)
            conn = _Connection(sock)
            sock = None
            return conn
        except OSError as error:
            failure = NodeError("network_down", "cannot reach %s: %s; does it run?" % (where, error))
        except NodeError:
            failure = NodeError("timeout", "%s does not answer within %d ms" % (where, timeout_ms))
        finally:
            if sock is not None:
                sock.close()
    raise failure or NodeError("network_down", "%s has no address" % where)
