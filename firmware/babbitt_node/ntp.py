"""The time of an NTP server. Reached by `port.once`: a node asks every few hours.

    pause_s, failures = await port.once("ntp", "keep", node, failures)

A server is believed only if its answer belongs to our question and is plausible, and for a first time or a jump only
if two answers agree. What the clock makes of it: `Clock.offer`.

Method: the client of SNTP, RFC 4330 section 5, with the transmit time stamp of the question replaced by random bytes,
so that only who saw the question can answer it (RFC 8633 appendix A), and the kiss codes of RFC 5905 section 7.4. The
offset is (T2 - T1 + T3 - T4) / 2 written without T1 and T4: the server's time at half the round trip. NTP seconds wrap
in 2036: they are read as those of 2020..2156, of which the clock takes those before 2100.
"""

import errno
import socket

from babbitt_node import clock as clocks
from babbitt_node.errors import NodeError
from babbitt_node.hal import port
from babbitt_node.hal.compile import const

SIZE = const(48)
WAIT_MS = const(
    2000
)  # the longest round trip (a later answer is none), and the pause before a second question
_TRY_MS = const(2)
_AGREE_MS = const(50)  # so far two answers may differ beyond what their round trips explain
_SMALL_MS = const(500)
_DAY_MS = const(86400000)
_EVERY_S = const(14400)
_AGAIN_S = const(16)
_REFUSED_S = const(86400)
_UNIX_S = 2208988800  # from 1900 to 1970
_AGAIN = (errno.EAGAIN, errno.ETIMEDOUT)  # what a socket says that has nothing yet, port by port


def question(nonce):
    """The 48 bytes that ask: version 4, a client, `nonce` (8 bytes) where a server expects our time."""
    return b"\x23" + bytes(39) + nonce


def _ms(packet, at):
    """The time stamp at packet[at:at+8] in Unix ms, 2020..2156; 0 for the time stamp that says 'unknown'."""
    seconds = int.from_bytes(packet[at : at + 4], "big")
    part = int.from_bytes(packet[at + 4 : at + 8], "big")
    if not seconds and not part:
        return 0
    ms = (seconds - _UNIX_S) * 1000 + (part * 1000 + 2147483648 >> 32)
    return ms if ms >= clocks.FIRST_MS else ms + 4294967296000


def answer(packet, nonce, trip_ms):
    """The Unix time in ms at which `packet` arrived, `trip_ms` after its question was sent.

    Raises NodeError bad_message for what is no answer to this question, ntp_refused when the server asks to be left
    alone (detail: its kiss code), no_time for one whose time cannot be believed.
    """
    if len(packet) < SIZE or packet[0] & 7 != 4:
        raise NodeError("bad_message", "%d bytes that are no answer of an NTP server" % len(packet))
    if packet[24:32] != nonce:
        raise NodeError("bad_message", "it answers another question")
    stratum = packet[1]
    if stratum == 0:
        code = "".join([chr(c) if 32 < c < 127 else "?" for c in packet[12:16]])
        raise NodeError("ntp_refused", code)
    if stratum > 15 or packet[0] >> 6 == 3:
        raise NodeError(
            "no_time", "the server itself has no time (stratum %d, leap %d)" % (stratum, packet[0] >> 6)
        )
    received, sent = _ms(packet, 32), _ms(packet, 40)
    inside = sent - received
    if not clocks.plausible(sent) or not 0 <= inside <= trip_ms + _AGREE_MS:
        raise NodeError("no_time", "times that cannot be: received %d, sent %d (Unix ms)" % (received, sent))
    return sent + max(0, trip_ms - inside) // 2


async def ask(host, number, clock, gate, wait_ms=WAIT_MS):
    """Ask once. Returns (Unix ms when this clock's u() is 0, round trip in ms); the error of the first is at most half
    the second. gate: asyncio.Lock held while a name is resolved.

    Datagrams that are no answer are passed over until `wait_ms` is through. Raises NodeError network_down, no_time,
    ntp_refused.
    """
    where = "%s:%d" % (host, number)
    sock = None
    why = "no answer within %d ms" % wait_ms
    try:
        async with gate:
            family, kind, proto, _, address = socket.getaddrinfo(host, number, 0, socket.SOCK_DGRAM)[0]
        nonce = port.unique_bytes(8)
        sock = socket.socket(family, kind, proto)
        sock.setblocking(False)
        sock.connect(address)  # from now on the system lets nobody else's datagrams in
        started = port.ticks_ms()
        sock.send(question(nonce))
        while True:
            trip_ms = port.ticks_diff(port.ticks_ms(), started)
            if trip_ms > wait_ms:
                raise NodeError("no_time", "%s: %s" % (where, why))
            try:
                packet = sock.recv(SIZE)
            except OSError as error:
                if error.errno not in _AGAIN:
                    raise
                await port.sleep_ms(_TRY_MS)
                continue
            try:
                return answer(packet, nonce, trip_ms) - clock.u(), trip_ms
            except NodeError as error:
                if error.name != "bad_message":
                    raise NodeError(error.name, "%s: %s" % (where, error.detail))
                why = error.detail
                await port.sleep_ms(_TRY_MS)  # a flood of them must not keep the node from measuring
    except OSError as error:
        raise NodeError("network_down", "cannot ask the time of %s: %s" % (where, error))
    finally:
        if sock is not None:
            sock.close()


async def set_clock(clock, host, number, gate, wait_ms=WAIT_MS):
    """Ask, and offer the time to the clock. Raises NodeError as `ask`; no_time as well for two answers that differ and
    for a time more than a day from one that was confirmed within the last day.
    """
    offset, trip_ms = await ask(host, number, clock, gate, wait_ms)
    known = clock.t()
    change = None if known is None else offset - (known - clock.u())
    if clock.q != clocks.NTP or abs(change) >= _SMALL_MS:
        if clock.q >= clocks.HOST and abs(change) > _DAY_MS > clock.age_ms():
            what = "%s:%d is %d s away from the time that was confirmed %d s ago"
            raise NodeError("no_time", what % (host, number, change // 1000, clock.age_ms() // 1000))
        await port.sleep_ms(wait_ms)
        first, bound_ms = offset, trip_ms
        offset, trip_ms = await ask(host, number, clock, gate, wait_ms)
        if abs(offset - first) > (bound_ms + trip_ms) // 2 + _AGREE_MS:
            what = "%s:%d: two answers differ by %d ms"
            raise NodeError("no_time", what % (host, number, offset - first))
    clock.offer(offset + clock.u(), clocks.NTP)


async def keep(node, failures):
    """One round: ask, and set the clock. Returns (seconds until the next one, failures in a row); raises nothing.

    The pause is 4 h, after a failure 16 s, doubling to 4 h; each longer or shorter by up to an eighth, at random. A server
    that says RATE is left alone for 4 h, after any other refusal for a day.
    """
    where = node.settings["ntp"]
    pause_s = _EVERY_S
    try:
        await set_clock(node.clock, where["host"], where["port"], node.quiet)
        failures = 0
    except NodeError as error:
        print("ntp:", error)
        node.clock.expire()
        if error.name == "ntp_refused":
            pause_s = _EVERY_S if error.detail.endswith("RATE") else _REFUSED_S
        else:
            pause_s = min(_EVERY_S, _AGAIN_S << min(failures, 10))
        failures += 1
    return pause_s + pause_s * (port.unique_bytes(1)[0] - 128) // 1024, failures
