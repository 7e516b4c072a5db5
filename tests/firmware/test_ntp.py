"""Which time is believed: a time server of the test's own on loopback tells the truth, lies, stammers or is silent."""

import asyncio
import errno
import socket

from helpers import raises

from babbitt_node import clock as clocks
from babbitt_node import ntp
from babbitt_node.clock import Clock
from babbitt_node.errors import NodeError
from babbitt_node.hal import port

NOW = 1789000000000
YEAR = 31557600000
DAY = 86400000
UNIX_S = 2208988800


def stamp(ms):
    """Unix ms as an NTP time stamp."""
    whole = ms // 1000 + UNIX_S
    return (whole % (1 << 32)).to_bytes(4, "big") + (((ms % 1000) << 32) // 1000).to_bytes(4, "big")


def reply(question, ms, first=0x24, stratum=2, code=b"\x7f\x00\x00\x01", origin=None, inside_ms=0, size=48):
    """What a server sends whose clock says `ms`."""
    packet = bytes((first, stratum, 6, 0xEC)) + bytes(8) + code + stamp(ms - 100000)
    packet += question[40:48] if origin is None else origin
    return (packet + stamp(ms - inside_ms) + stamp(ms))[:size]


class Server:
    """A time server: `answers(question, n)` gives the list of (delay in ms, bytes) for the n-th question."""

    def __init__(self, answers):
        self._answers = answers
        self.asked = []
        self._sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.port = 20000 + port.unique_bytes(1)[0] * 100
        while True:
            try:
                self._sock.bind(socket.getaddrinfo("127.0.0.1", self.port)[0][-1])
                break
            except OSError as error:
                if error.errno != errno.EADDRINUSE:
                    raise
                self.port += 1
        self._sock.setblocking(False)

    async def serve(self):
        while True:
            try:
                question, address = self._sock.recvfrom(100)
            except OSError as error:
                if error.errno != errno.EAGAIN:
                    raise
                await port.sleep_ms(1)
                continue
            self.asked.append(question)
            for delay_ms, data in self._answers(question, len(self.asked) - 1):
                await port.sleep_ms(delay_ms)
                self._sock.sendto(data, address)

    def close(self):
        self._sock.close()


class FakeBoard:
    """A board without a clock."""

    clock_kind = "none"

    def reset_cause(self):
        return "power_on"


class Node:
    """What a round of the timekeeper needs."""

    def __init__(self, number):
        self.settings = {"ntp": {"host": "127.0.0.1", "port": number}}
        self.quiet = asyncio.Lock()
        self.clock = Clock(FakeBoard())


def play(answers, story):
    """Run `story(node, server)` beside a server."""

    async def main():
        server = Server(answers)
        serving = asyncio.create_task(server.serve())
        try:
            return await story(Node(server.port), server)
        finally:
            serving.cancel()
            server.close()

    return asyncio.run(main())


def setting(node, wait_ms=300):
    where = node.settings["ntp"]
    return ntp.set_clock(node.clock, where["host"], where["port"], node.quiet, wait_ms)


async def fails(name, aw, what):
    try:
        await aw
    except NodeError as error:
        assert error.name == name and what in error.detail, error
    else:
        raise AssertionError("no NodeError " + name)


def refuses(answers, name, what, asked=1, known=None, wait_ms=300):
    """A clock that knows nothing (or `known`) must stay as it is."""

    async def story(node, server):
        if known is not None:
            node.clock.offer(*known)
        before = node.clock.q
        await fails(name, setting(node, wait_ms), what)
        assert node.clock.q == before and len(server.asked) == asked, len(server.asked)
        return node

    return play(answers, story)


def test_a_question_is_what_the_standard_says():
    nonce = b"12345678"
    asked = ntp.question(nonce)
    assert len(asked) == 48 and asked[0] == 0x23 and asked[1:40] == bytes(39) and asked[40:] == nonce


def test_the_time_of_a_server_is_taken_after_two_answers():
    async def story(node, server):
        await setting(node)
        assert node.clock.q == clocks.NTP and len(server.asked) == 2
        assert 0 <= node.clock.t() - (NOW + 350) < 300  # the second answer, half its way ago
        assert server.asked[0][40:] != server.asked[1][40:], "the same question twice"

    play(lambda q, n: [(0, reply(q, NOW + n * 350))], story)


def test_half_the_round_trip_is_added_without_the_time_inside_the_server():
    nonce = b"12345678"
    asked = ntp.question(nonce)
    assert ntp.answer(reply(asked, NOW), nonce, 0) == NOW
    assert ntp.answer(reply(asked, NOW), nonce, 300) == NOW + 150
    assert ntp.answer(reply(asked, NOW, inside_ms=100), nonce, 300) == NOW + 100
    for ms in (clocks.FIRST_MS, NOW + 1, 2085978495999, 2085978497000, clocks.LAST_MS - 1):  # 2036 wraps
        assert abs(ntp.answer(reply(asked, ms), nonce, 0) - ms) <= 1, ms


def test_a_server_that_says_nothing():
    refuses(lambda q, n: [], "no_time", "no answer within 300 ms")


def test_nobody_there():
    async def story(node, server):
        server.close()
        await fails("network_down", setting(node), "cannot ask")

    async def main():
        server = Server(lambda q, n: [])
        await story(Node(server.port), server)

    asyncio.run(main())


def test_a_late_answer_is_none_and_does_not_answer_the_next_question():
    refuses(lambda q, n: [(500, reply(q, NOW))], "no_time", "no answer", wait_ms=200)


def test_garbage_is_passed_over():
    junk = (b"", b"x", bytes(47), b"\xff" * 48, b"HTTP/1.1 400 Bad Request")

    def only_junk(q, n):
        return [(1, data) for data in junk]

    refuses(only_junk, "no_time", "no answer of an NTP server")
    refuses(lambda q, n: [(0, q)], "no_time", "no answer of an NTP server")  # our own question, sent back
    refuses(lambda q, n: [(0, reply(q, NOW, size=47))], "no_time", "47 bytes")

    async def story(node, server):
        await setting(node)
        assert node.clock.q == clocks.NTP

    play(lambda q, n: only_junk(q, n) + [(1, reply(q, NOW + n * 300))], story)


def test_a_flood_of_garbage_lets_the_node_measure():
    node = Node(0)
    turns = [0]

    class Flooded:
        """A network whose sockets always have another datagram."""

        SOCK_DGRAM = socket.SOCK_DGRAM

        def getaddrinfo(self, *args):
            return [(2, 2, 0, "", None)]

        def socket(self, *args):
            return self

        def recv(self, size):
            return b"x"

        def setblocking(self, flag):
            pass

        connect = send = setblocking

        def close(self):
            pass

    async def other():
        while True:
            turns[0] += 1
            await port.sleep_ms(1)

    async def main():
        task = asyncio.create_task(other())
        real, ntp.socket = ntp.socket, Flooded()
        try:
            await fails("no_time", ntp.ask("server", 9, node.clock, node.quiet, 100), "no answer of an NTP")
        finally:
            ntp.socket = real
            task.cancel()
        assert turns[0] > 5, turns

    asyncio.run(main())


def test_an_answer_to_another_question():
    refuses(lambda q, n: [(0, reply(q, NOW, origin=b"87654321"))], "no_time", "another question")
    refuses(lambda q, n: [(0, reply(q, NOW, origin=bytes(8)))], "no_time", "another question")


def test_a_server_without_time():
    refuses(lambda q, n: [(0, reply(q, NOW, first=0xE4))], "no_time", "leap 3")
    refuses(lambda q, n: [(0, reply(q, NOW, stratum=16))], "no_time", "stratum 16")


def test_times_that_cannot_be():
    for ms in (NOW - 20 * YEAR, NOW + 80 * YEAR, clocks.LAST_MS, clocks.FIRST_MS - 1):
        refuses(lambda q, n, ms=ms: [(0, reply(q, ms))], "no_time", "times that cannot be")
    refuses(lambda q, n: [(0, reply(q, NOW, inside_ms=5000))], "no_time", "times that cannot be")
    refuses(lambda q, n: [(0, reply(q, NOW, inside_ms=-5000))], "no_time", "times that cannot be")
    unset = reply(b"\x23" + bytes(47), NOW)[:40] + bytes(8)
    refuses(lambda q, n: [(0, unset[:24] + q[40:48] + unset[32:])], "no_time", "times that cannot be")


def test_two_answers_that_differ_set_no_clock():
    refuses(lambda q, n: [(0, reply(q, NOW + n * 5000))], "no_time", "two answers differ", 2)


def test_a_time_20_years_ahead_is_not_believed_against_the_host():
    node = refuses(
        lambda q, n: [(0, reply(q, NOW + 20 * YEAR))],
        "no_time",
        "away from the time",
        known=(NOW, clocks.HOST),
    )
    assert NOW <= node.clock.t() < NOW + 10000
    node = refuses(
        lambda q, n: [(0, reply(q, NOW + 2 * DAY))], "no_time", "away from the time", known=(NOW, clocks.NTP)
    )
    assert node.clock.q == clocks.NTP


def test_one_answer_is_enough_for_a_small_difference():
    async def story(node, server):
        node.clock.offer(NOW, clocks.NTP)
        await setting(node)
        assert len(server.asked) == 1 and 200 <= node.clock.t() - NOW < 490

    play(lambda q, n: [(0, reply(q, NOW + 200))], story)


def test_a_jump_of_seconds_needs_two_answers_that_agree():
    async def story(node, server):
        node.clock.offer(NOW, clocks.NTP)
        await setting(node)
        assert len(server.asked) == 2 and node.clock.t() >= NOW + 60000

    play(lambda q, n: [(0, reply(q, NOW + 60000 + n * 300))], story)


def rounds(answers, count=1):
    """Pauses in seconds after `count` rounds of the timekeeper, whose failures follow one another."""

    async def story(node, server):
        pauses = []
        failures = 0
        for _ in range(count):
            pause_s, failures = await ntp.keep(node, failures)
            pauses.append(pause_s)
        return pauses, failures, node.clock.q

    return play(answers, story)


def about(value, expected):
    return expected * 7 // 8 <= value <= expected * 9 // 8


def test_a_server_that_asks_to_be_left_alone_is_left_alone():
    for code, pause_s in ((b"RATE", 14400), (b"DENY", 86400), (b"RSTR", 86400), (b"\x00\xff\x07\x1b", 86400)):
        pauses, failures, q = rounds(lambda q, n, code=code: [(0, reply(q, NOW, stratum=0, code=code))])
        assert about(pauses[0], pause_s) and failures == 1 and q == clocks.NONE, (code, pauses)
    refuses(lambda q, n: [(0, reply(q, NOW, stratum=0, code=b"DENY", origin=bytes(8)))], "no_time", "another")


def test_the_pauses_grow_and_are_never_the_same():
    def no_time(q, n):
        return [(0, reply(q, NOW, stratum=16))]

    pauses, failures, q = rounds(no_time, 14)
    for n in range(14):
        assert about(pauses[n], min(14400, 16 << n)), pauses
    assert failures == 14 and q == clocks.NONE
    assert len({pauses[n] for n in range(10, 14)}) > 1, "no jitter: %s" % pauses


def test_a_good_answer_is_good_for_hours():
    pauses, failures, q = rounds(lambda q, n: [(0, reply(q, NOW + n * 2000))])
    assert about(pauses[0], 14400) and failures == 0 and q == clocks.NTP


def test_a_day_without_ntp_makes_its_time_one_that_the_host_may_correct():
    clock = Clock(FakeBoard())
    clock.offer(NOW, clocks.NTP)
    clock._u += DAY - 60000
    clock.expire()
    assert clock.q == clocks.NTP and not clock.offer(NOW + DAY, clocks.HOST)
    clock._u += 120000
    assert clock.q == clocks.NTP and clock.age_ms() > DAY
    clock.expire()
    assert clock.q == clocks.HOST and clock.t() >= NOW + DAY + 60000
    assert clock.offer(clock.t() + 4000, clocks.HOST) and clock.age_ms() < 5000
    assert clock.offer(NOW + DAY + 90000, clocks.NTP) and clock.q == clocks.NTP
    clock.expire()
    assert clock.q == clocks.NTP


def test_no_host_is_no_reason_to_raise():
    async def main():
        await fails("network_down", ntp.ask("no.such.host.invalid", 123, None, asyncio.Lock()), "cannot ask")

    asyncio.run(main())
    assert raises(NodeError, ntp.answer, b"", b"12345678", 0).name == "bad_message"
