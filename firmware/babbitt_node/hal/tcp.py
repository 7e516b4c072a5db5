"""TCP connections of the node: non-blocking on both runtimes, without Nagle's delay, and never for ever.

    from babbitt_node.hal.dial import open_tcp

    conn = await open_tcp("192.168.1.2", 1883, 5000, asyncio.Lock())
    await conn.write(b"ping")
    count = await conn.readinto(buf)       # 0: the other side closed
    conn.close()

Opening one is in `hal/dial.py` and `hal/tls.py`, because it is needed at the beginning of a connection only. On
MicroPython a TLS socket behaves as a plain one, so this module serves both.
"""

import asyncio

from ..errors import NodeError
from .compile import const
from .port import MICROPYTHON, sleep_ms, ticks_diff, ticks_ms

_WRITE_RETRY_MS = const(5)


if MICROPYTHON:
    from asyncio import core as _core

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
            sock, self._sock = self._sock, None
            if sock is not None:
                try:
                    sock.close()
                except OSError as error:  # TLS says goodbye, and it may be too late for that
                    print("closing:", error)

else:

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


class Connection(Conn):
    """A connection on either runtime: the half that is the same everywhere."""

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
