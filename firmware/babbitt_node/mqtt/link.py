"""One connection to a broker: its buffers, its writer, its reading task and its watching task.

`Link` knows packets as bytes; `Client` below it in the hierarchy knows what they mean and fills in four
methods: `_take(conn, kind)` acts on a packet, `_overdue(now)` names an answer that is late, `_patience(now)` tells
when the next one can be, `_wake()` lets everybody go who waits for a connection that ended.
"""

import asyncio

from ..errors import NodeError
from ..hal.compile import const
from ..hal.port import sleep_ms, ticks_diff, ticks_ms
from .decoder import Decoder
from .packets import encode_pingreq

_CHUNK = const(512)  # bytes read at once; a packet may be longer
_CONTROL = const(64)  # PUBACKs and PINGREQs that wait for the writer


class Link:
    """The buffers of a client, taken once, and at most one connection.

    keepalive_ms: silence of 1.5 times this ends the connection. write_ms: longest time a write may take.
    tx_size, rx_size: bytes of the largest packet out and of the largest body in.
    """

    def __init__(self, keepalive_ms, write_ms, tx_size, rx_size):
        self._keepalive_ms = keepalive_ms
        self._write_ms = write_ms
        self._tx = memoryview(bytearray(tx_size))
        self._tx_lock = asyncio.Lock()  # who holds it may use _tx and write
        self._control = memoryview(bytearray(_CONTROL))
        self._control_len = 0
        self._chunk = memoryview(bytearray(_CHUNK))
        self._decoder = Decoder(rx_size)
        self._conn = None
        self._tasks = ()
        self._error = NodeError("broker_lost", "not connected")  # why there is no connection
        self._ended = asyncio.Event()
        self._ended.set()
        self._heard = self._sent = ticks_ms()
        self._pinged = False
        self.connected = False

    def _take(self, conn, kind):
        raise NotImplementedError

    def _overdue(self, now):
        raise NotImplementedError

    def _patience(self, now):
        raise NotImplementedError

    def _wake(self):
        raise NotImplementedError

    def _begin(self, conn):
        self._conn = conn
        self._decoder.reset()
        self._control_len = 0
        self._pinged = False
        self._heard = self._sent = ticks_ms()
        self._ended.clear()
        self._tasks = (asyncio.create_task(self._read(conn)), asyncio.create_task(self._watch(conn)))

    def _end(self, conn, error):
        """End the connection `conn` because of `error`, and wake everybody who waits for it."""
        if self._conn is not conn:
            return
        self._conn = None
        self.connected = False
        self._error = error
        current = asyncio.current_task()
        for task in self._tasks:
            if task is not current:
                task.cancel()
        self._tasks = ()
        conn.close()  # after the reader was cancelled: nobody polls a closed socket
        self._ended.set()
        self._wake()

    def _gone(self):
        """The error for a caller whose connection is not there (a fresh one: each carries its own traceback)."""
        error = self._error
        if isinstance(error, NodeError):
            return NodeError(error.name, error.detail)
        return NodeError("broker_lost", "on_message raised %r" % error)

    def _live(self):
        if not self.connected:
            raise self._gone() if self._conn is None else NodeError("broker_lost", "not connected yet")
        return self._conn

    async def _write(self, conn, size, room):
        """Write room[:size] and what waits in _control; the caller holds _tx_lock. A packet that is not
        written whole ends the connection: nothing behind it could be understood.
        """
        if self._conn is not conn:
            raise self._gone()
        failure = "a write was interrupted"
        try:
            if size:
                await conn.write(room[:size], self._write_ms)
            while self._control_len:
                size = self._control_len  # the reader may append while we write
                await conn.write(self._control[:size], self._write_ms)
                self._control_len -= size
                for k in range(self._control_len):
                    self._control[k] = self._control[size + k]
            self._sent = ticks_ms()
            failure = None
        except NodeError as error:
            failure = error.detail
        finally:
            if failure:
                self._end(conn, NodeError("broker_lost", failure))
        if failure:
            raise self._gone()

    async def _flush(self, conn):
        """Write what waits in _control, unless a writer is at work: it does so itself when it is done."""
        if self._control_len and not self._tx_lock.locked():
            async with self._tx_lock:
                await self._write(conn, 0, self._tx)

    async def _read(self, conn):
        try:
            while True:
                count = await conn.readinto(self._chunk)
                if not count:
                    raise NodeError("broker_lost", "the broker closed the connection")
                self._heard = ticks_ms()
                self._pinged = False
                for kind in self._decoder.feed(self._chunk[:count]):
                    self._take(conn, kind)
                    if self._conn is not conn:
                        return
                    if self._control_len > _CONTROL - 8:
                        async with self._tx_lock:
                            await self._write(conn, 0, self._tx)
                await self._flush(conn)
        except Exception as error:
            self._end(conn, error)

    async def _watch(self, conn):
        """Keep the connection alive, and end it when an answer is overdue.

        Sleeps until the next of these is due. What is sent meanwhile is due later than that, because the sleep
        is never longer than the time an answer may take.
        """
        while self._conn is conn:
            now = ticks_ms()
            silent = ticks_diff(now, self._heard)
            left = min(self._patience(now), self._keepalive_ms * 3 // 2 - silent)
            if not self._pinged:
                left = min(left, self._keepalive_ms * 3 // 4 - max(silent, ticks_diff(now, self._sent)))
            await sleep_ms(max(left + 1, 1 if self.connected else 500))  # silence counts once it is connected
            now = ticks_ms()
            late = self._overdue(now)
            silent = ticks_diff(now, self._heard)
            if late is None and self.connected and silent > self._keepalive_ms * 3 // 2:
                late = NodeError("broker_lost", "nothing heard for %d ms" % silent)
            if late is not None:
                self._end(conn, late)
                return
            due = self._keepalive_ms * 3 // 4
            if self.connected and not self._pinged and (silent >= due or ticks_diff(now, self._sent) >= due):
                self._pinged = True
                if self._control_len <= _CONTROL - 2:
                    self._control_len += encode_pingreq(self._control[self._control_len :])
                try:
                    await self._flush(conn)
                except NodeError:
                    return  # _write ended the connection and told everybody why
