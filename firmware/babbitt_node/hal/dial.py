"""Opening a TCP connection: needed at the beginning of a connection only, so the node reaches it by `port.once`."""

import asyncio
import errno
import socket

from ..errors import NodeError
from .compile import const
from .port import MICROPYTHON, ticks_diff, ticks_ms, wait_for_ms
from .tcp import Connection

_TCP = const(6)  # IPPROTO_TCP and TCP_NODELAY: MicroPython has no names for them; the numbers are universal
_NODELAY = const(1)

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

else:

    async def _connect(sock, address):
        await asyncio.get_running_loop().sock_connect(sock, address)


async def open_tcp(host, port, timeout_ms, gate):
    """Connect to `host` (name or address) and return a Conn with TCP_NODELAY set.

    Conn: coroutines `readinto(buf)` and `write(buf, timeout_ms=10000)`, plain `close()`. Every address of the
    name is tried; the time-out is for all of them together. Resolving a name blocks, an address does not: `gate`, an
    asyncio.Lock, is held meanwhile.
    Raises NodeError network_down (unknown name, nobody listens, no route) or timeout.
    """
    where = "%s:%d" % (host, port)
    try:
        async with gate:
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
            conn = Connection(sock)
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
