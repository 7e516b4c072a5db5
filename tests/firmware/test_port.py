"""The port layer: time that wraps, a clock that can be set, waits that end, and TCP on both runtimes."""

import asyncio
import errno

from helpers import MICROPYTHON, node_error

from babbitt_node.hal import port
from babbitt_node.hal.dial import open_tcp


def test_ticks_compare_across_their_wrap():
    start = port.ticks_add(0, -5)  # the last five milliseconds before the wrap, wherever it is
    end = port.ticks_add(start, 12)
    assert port.ticks_diff(end, start) == 12
    assert port.ticks_diff(start, end) == -12


def test_ticks_move_with_sleep():
    async def main():
        ms, us = port.ticks_ms(), port.ticks_us()
        await port.sleep_ms(30)
        assert port.ticks_diff(port.ticks_ms(), ms) >= 29
        assert port.ticks_diff(port.ticks_us(), us) >= 29000

    asyncio.run(main())


def test_the_clock_can_be_set():
    before = port.utc_ms()
    assert before > 1600000000000  # the PC knows the time
    port.set_utc_ms(1789000000123)
    try:
        assert 0 <= port.utc_ms() - 1789000000123 < 5000
    finally:
        port.set_utc_ms(before)


def test_a_wait_ends():
    async def slow(log):
        try:
            await port.sleep_ms(60000)
        finally:
            log.append("cancelled")

    async def quick():
        await port.sleep_ms(1)
        return 5

    async def fails():
        raise ValueError("mine")

    async def main():
        log = []
        assert await port.wait_for_ms(quick(), 1000) == 5
        try:
            await port.wait_for_ms(slow(log), 20)
        except Exception as error:
            assert error.name == "timeout"
        else:
            raise AssertionError("the wait did not end")
        assert log == ["cancelled"]
        try:
            await port.wait_for_ms(fails(), 1000)
        except ValueError as error:
            assert str(error) == "mine"
        else:
            raise AssertionError("an error was lost")

    asyncio.run(main())


def test_memory_figures():
    free, largest = port.mem_free(), port.mem_largest()
    if MICROPYTHON:
        assert 1024 <= largest <= 32768 <= free < 120 * 1024
        hog = []
        try:
            while True:
                hog.append(bytearray(4096))
        except MemoryError:
            pass
        assert port.mem_largest() < 4096
        del hog
        assert port.mem_largest() >= 16384
    else:
        assert (free, largest) == (0, 0)


def test_identities_differ():
    assert len(port.unique_bytes(4)) == 4
    assert port.unique_bytes(16) != port.unique_bytes(16)


def _connect(host, number, ms):
    return asyncio.run(open_tcp(host, number, ms, asyncio.Lock()))


def test_nobody_listens_is_an_error_with_the_address():
    assert "127.0.0.1:1:" in node_error("network_down", _connect, "127.0.0.1", 1, 2000).detail
    assert "broker.host" in node_error("network_down", _connect, "no such name", 1, 2000).detail


async def _echo(reader, writer):
    while True:
        data = await reader.read(4096)
        if not data:
            break
        writer.write(data)
        await writer.drain()
    writer.close()
    await writer.wait_closed()


async def _serve(handler):
    """A server on a free port: (server, port). MicroPython cannot tell the port it got, so some are tried."""
    for number in range(47000 + port.unique_bytes(1)[0] * 16, 65000):
        try:
            return await asyncio.start_server(handler, "127.0.0.1", number), number
        except OSError as error:
            if error.errno != errno.EADDRINUSE:
                raise
    raise AssertionError("no free port")


def test_bytes_go_there_and_back_and_the_end_is_seen():
    async def main():
        server, number = await _serve(_echo)
        conn = await open_tcp("localhost", number, 2000, asyncio.Lock())
        await conn.write(b"hello")
        buf = bytearray(16)
        seen = b""
        while len(seen) < 5:
            seen += bytes(buf[: await conn.readinto(buf)])
        assert seen == b"hello"
        conn.close()
        conn.close()
        try:
            await conn.write(b"x")
        except Exception as error:
            assert error.name == "broker_lost"
        else:
            raise AssertionError("a closed connection took data")
        server.close()

    asyncio.run(main())


def test_the_other_side_closes():
    async def goodbye(reader, writer):
        writer.close()
        await writer.wait_closed()

    async def main():
        server, number = await _serve(goodbye)
        conn = await open_tcp("127.0.0.1", number, 2000, asyncio.Lock())
        assert await conn.readinto(bytearray(4)) == 0
        conn.close()
        server.close()

    asyncio.run(main())


def test_a_network_that_takes_nothing_is_a_timeout():
    async def deaf(reader, writer):
        await port.sleep_ms(5000)

    async def main():
        server, number = await _serve(deaf)
        conn = await open_tcp("127.0.0.1", number, 2000, asyncio.Lock())
        chunk = bytearray(16384)
        try:
            for _ in range(2000):  # 32 MB: more than any buffer between the two
                await conn.write(chunk, 50)
        except Exception as error:
            assert error.name == "timeout"
        else:
            raise AssertionError("the network swallowed everything")
        conn.close()
        server.close()

    asyncio.run(main())
