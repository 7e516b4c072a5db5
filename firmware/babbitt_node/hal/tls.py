"""TLS on top of an open TCP connection: needed at the beginning of a connection only, as `hal/dial.py`.

    conn = await open_tcp("192.168.1.2", 8883, 5000, gate)
    conn = await secure(conn, {"ca": "ca.der", "cert": None, "key": None, "server_name": "broker.hall"}, hello, 5000, gate)

The certificate of the broker is always checked: signed by the CA on the flash, for this name, valid today. So the
clock must know the date. Files are DER, the one form that every build of MicroPython reads.

The handshake never waits inside TLS: a step is tried every 10 ms, so a broker that stops in the middle of it stops
nothing else. MicroPython shows the end of a handshake only by taking data, therefore the first packet is handed
over here. What a step computes (some 0.1 s of elliptic curves on an ESP32, an estimate) cannot be divided; every step
holds `gate`, so none falls into an open window of samples.

On the Unix port the buffers of TLS are outside the heap of MicroPython, on an ESP32 in the system's memory (25 kB a
connection while it lasts, measured in the emulator).
"""

import gc
import ssl

from ..errors import NodeError
from .compile import const
from .port import MICROPYTHON, sleep_ms, ticks_diff, ticks_ms
from .tcp import Connection

_STEP_MS = const(10)
_NO_MEMORY = (12, -32512)  # ENOMEM, MBEDTLS_ERR_SSL_ALLOC_FAILED
# EPIPE, ECONNRESET, MBEDTLS_ERR_SSL_CONN_EOF, MBEDTLS_ERR_SSL_FATAL_ALERT_MESSAGE
_ENDED = (32, 104, -29312, -30592)


def _der(name):
    """The bytes of a DER file on the flash. Raises NodeError tls_error, memory."""
    try:
        with open(name, "rb") as file:
            data = file.read()
    except OSError as error:
        raise NodeError("tls_error", "%s: %s; copy it to the board" % (name, error))
    if data[:1] != b"\x30":
        raise NodeError("tls_error", "%s is no DER file; openssl writes one with -outform DER" % name)
    return data


def _context(files):
    """The rules of one connection: whom to trust, who we are. Raises NodeError tls_error."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.verify_mode = ssl.CERT_REQUIRED
    what = files["ca"]
    try:
        context.load_verify_locations(cadata=_der(what))
        if files["cert"] is not None:
            what = "%s with %s" % (files["cert"], files["key"])
            _load_own(context, _der(files["cert"]), _der(files["key"]))
    except (ValueError, OSError) as error:  # CPython's SSLError is an OSError
        raise NodeError("tls_error", "%s cannot be used: %s" % (what, _said(error)))
    return context


def _said(error):
    """What a TLS library says, on one line and short."""
    return " ".join(str(error).split())[:120]


def _failure(error):
    """The NodeError for what ended a handshake."""
    number = error.errno if isinstance(error, OSError) else None
    if number in _NO_MEMORY:
        return NodeError("memory", "TLS: %s" % error)
    hint = "; the broker ended it: does it want a client certificate, or another one?"
    return NodeError("tls_error", "handshake: " + _said(error) + (hint if number in _ENDED else ""))


async def secure(conn, files, host, first, timeout_ms, gate):
    """Do the handshake over `conn`, hand over `first` (a packet) and return the connection to use from now on.

    files: `broker.tls` of node.json. host: what the certificate must name unless files["server_name"] does. gate: an
    asyncio.Lock that is held during each step. `conn` is closed when this fails.
    Raises NodeError tls_error (a file, the certificate, a refusal), timeout, broker_lost, memory.
    """
    started = ticks_ms()
    done = False
    try:
        async with gate:
            gc.collect()  # what an earlier attempt left lies outside the heap, where nobody counts it
            context = _context(files)
            try:
                conn = _Handshake(conn, context, files["server_name"] or host)
            except (ValueError, OSError) as error:
                raise _failure(error)
        left = first
        while len(left):
            async with gate:
                try:
                    count = conn.hand_over(left)
                except (ValueError, OSError) as error:
                    raise _failure(error)
            left = left[count:]
            if len(left):
                if ticks_diff(ticks_ms(), started) > timeout_ms:
                    raise NodeError(
                        "timeout", "no TLS handshake within %d ms; is broker.port one for TLS?" % timeout_ms
                    )
                await sleep_ms(_STEP_MS)
        done = True
        return conn.connection()
    finally:
        if not done:
            conn.close()


if MICROPYTHON:

    def _load_own(context, cert, key):
        context.load_cert_chain(cert, key)

    class _Handshake:
        def __init__(self, conn, context, name):
            self._sock = context.wrap_socket(conn._sock, server_hostname=name, do_handshake_on_connect=False)

        def hand_over(self, view):
            """Take a step; bytes of `view` that were taken, 0 while the handshake goes on."""
            return self._sock.write(view) or 0

        def connection(self):
            return Connection(self._sock)

        def close(self):
            Connection(self._sock).close()

else:
    from .tls_cpython import Handshake as _Handshake
    from .tls_cpython import load_own as _load_own
