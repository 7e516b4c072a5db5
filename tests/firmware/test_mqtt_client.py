"""What a real broker cannot be made to do, from a scripted one: silence, garbage, refusal, bytes one by one.

What real brokers do is tested against real brokers in `cpython/test_mqtt_brokers.py`.
"""

import asyncio
import errno

from babbitt_node.errors import NodeError
from babbitt_node.hal import port
from babbitt_node.mqtt.client import Client

CONNACK = b"\x20\x02\x00\x00"


async def packet(reader):
    """The next packet of the client as (first byte, body); None at the end."""
    try:
        first = (await reader.readexactly(1))[0]
        length = shift = 0
        while True:
            byte = (await reader.readexactly(1))[0]
            length |= (byte & 127) << shift
            shift += 7
            if byte < 128:
                break
        return first, await reader.readexactly(length) if length else b""
    except (EOFError, OSError):
        return None


def packet_id(body):
    """The packet id of a PUBLISH at QoS 1."""
    at = 2 + (body[0] << 8 | body[1])
    return body[at : at + 2]


async def put(writer, data):
    writer.write(data)
    await writer.drain()


async def until_gone(reader):
    while await packet(reader) is not None:
        pass


def play(script, story, keepalive_s=1, answer_ms=20000, **kwargs):
    """Run `story(client)` against a broker that runs `script(reader, writer)` for each connection."""

    async def main():
        ends = []

        async def serve(reader, writer):
            try:
                await script(reader, writer)
            finally:
                writer.close()
                await writer.wait_closed()
                ends.append(1)

        number = 20000 + port.unique_bytes(1)[0] * 100
        while True:
            try:
                server = await asyncio.start_server(serve, "127.0.0.1", number)
                break
            except OSError as error:
                if error.errno != errno.EADDRINUSE:
                    raise
                number += 1
        client = Client(
            "127.0.0.1", number, "node", keepalive_s, answer_ms=answer_ms, tx_size=1024, rx_size=256, **kwargs
        )
        try:
            await port.wait_for_ms(story(client), 15000)
        finally:
            await client.close()
            server.close()

    asyncio.run(main())


async def fails(name, aw, what=""):
    """`aw` must raise NodeError `name` whose detail holds `what`."""
    try:
        await aw
    except NodeError as error:
        assert error.name == name and what in error.detail, error
    else:
        raise AssertionError("no NodeError " + name)


def answering(then):
    """A script that accepts the connection and goes on with `then(reader, writer)`."""

    async def script(reader, writer):
        await packet(reader)
        await put(writer, CONNACK)
        await then(reader, writer)
        await until_gone(reader)

    return script


async def nothing(reader, writer):
    pass


def test_a_refusal_says_why():
    for code, why in ((2, "client id"), (4, "password"), (5, "authorised")):

        async def script(reader, writer, code=code):
            await packet(reader)
            await put(writer, b"\x20\x02\x00" + bytes([code]))
            await until_gone(reader)

        async def story(client, why=why):
            await fails("broker_refused", client.connect(), why)
            assert not client.connected
            await fails("broker_refused", client.run(), why)

        play(script, story)


def test_a_server_that_speaks_something_else_is_a_bad_message():
    async def script(reader, writer):
        await packet(reader)
        await put(writer, b"HTTP/1.1 400 Bad Request\r\n\r\n")
        await until_gone(reader)

    async def story(client):
        await fails("bad_message", client.connect(), "at byte 0")

    play(script, story)


def test_anything_before_connack_is_a_bad_message():
    async def script(reader, writer):
        await packet(reader)
        await put(writer, b"\xd0\x00")
        await until_gone(reader)

    async def story(client):
        await fails("bad_message", client.connect(), "type 13")

    play(script, story)


def test_a_broker_that_hangs_up_is_lost():
    async def script(reader, writer):
        await packet(reader)

    async def story(client):
        await fails("broker_lost", client.connect(), "closed")

    play(script, story)


def test_no_connack_is_a_timeout():
    async def script(reader, writer):
        await until_gone(reader)

    async def story(client):
        await fails("timeout", client.connect(), "CONNACK")

    play(script, story, answer_ms=200)


def test_a_half_open_connection_is_noticed_and_everybody_told():
    async def story(client):
        await client.connect()
        waiting = asyncio.create_task(fails("broker_lost", client.publish("a", b"1"), "nothing heard"))
        draining = asyncio.create_task(fails("broker_lost", client.drain(), "nothing heard"))
        await fails("broker_lost", client.run(), "nothing heard")
        await waiting
        await draining
        assert not client.connected
        await fails("broker_lost", client.send("a", b"2"), "nothing heard")

    play(answering(nothing), story)


def test_pings_keep_a_quiet_connection():
    async def pong(reader, writer):
        pings = 0
        while True:
            got = await packet(reader)
            if got is None:
                return
            assert got == (0xC0, b""), got
            pings += 1
            await put(writer, b"\xd0\x00" if pings < 2 else b"\xd1\x00")

    async def story(client):
        await client.connect()
        await fails("bad_message", client.run(), "PINGRESP at byte 6")

    play(answering(pong), story)


def test_garbage_ends_the_connection_for_everybody():
    async def garbage(reader, writer):
        await packet(reader)
        await put(writer, b"\xff\xff\xff")

    async def story(client):
        await client.connect()
        await fails("bad_message", client.publish("a", b"1"), "type 15")
        await fails("bad_message", client.run(), "type 15")
        await fails("bad_message", client.subscribe("a"), "type 15")

    play(answering(garbage), story)


def test_answers_that_never_come_end_the_connection():
    async def only_pongs(reader, writer):
        while True:
            got = await packet(reader)
            if got is None:
                return
            if got[0] == 0xC0:
                await put(writer, b"\xd0\x00")

    async def no_puback(client):
        await client.connect()
        await fails("broker_lost", client.publish("a", b"1"), "PUBACK")

    async def no_suback(client):
        await client.connect()
        await fails("broker_lost", client.subscribe("a"), "SUBACK")

    play(answering(only_pongs), no_puback, answer_ms=300)
    play(answering(only_pongs), no_suback, answer_ms=300)


def test_a_broker_that_takes_no_data_is_lost():
    async def deaf(reader, writer):
        await port.sleep_ms(12000)

    async def story(client):
        await client.connect()

        async def flood():
            while True:
                await client.publish("a", bytearray(900), 0)

        await fails("broker_lost", flood())
        await fails("broker_lost", client.run())

    play(answering(deaf), story, answer_ms=300)


def test_a_write_that_is_cut_short_ends_the_connection():
    async def deaf(reader, writer):
        await port.sleep_ms(12000)

    async def story(client):
        await client.connect()
        sent = [0]

        async def flood():
            while True:
                await client.publish("a", bytearray(900), 0)
                sent[0] += 1

        flooding = asyncio.create_task(flood())
        before = -1
        while sent[0] != before:  # until the network takes no more
            before = sent[0]
            await port.sleep_ms(200)
        flooding.cancel()  # in the middle of a packet
        await fails("broker_lost", client.run(), "interrupted")

    play(answering(deaf), story, keepalive_s=60)


def test_bytes_that_come_one_by_one():
    got = []

    async def slowly(reader, writer):
        subscribe = await packet(reader)
        answer = b"\x90\x03" + subscribe[1][:2] + b"\x01"
        answer += b"\x32\x08\x00\x03a/b\x00\x07z" + b"\x31\x03\x00\x01c"
        for k in range(len(answer)):
            await put(writer, answer[k : k + 1])
            await port.sleep_ms(2)
        got.append(await packet(reader))

    async def story(client):
        await client.connect()
        assert await client.subscribe("a/#") == 1
        while len(got) < 3:
            await port.sleep_ms(5)

    play(answering(slowly), story, on_message=lambda t, p, r: got.append((t, bytes(p), r)))
    assert got == [(b"a/b", b"z", False), (b"c", b"", True), (0x40, b"\x00\x07")]


def test_a_refused_subscription_leaves_the_connection():
    async def refuse(reader, writer):
        for code in (b"\x80", b"\x00"):
            await put(writer, b"\x90\x03" + (await packet(reader))[1][:2] + code)

    async def story(client):
        await client.connect()
        await fails("broker_refused", client.subscribe("secret"), "secret")
        assert await client.subscribe("a") == 0
        await fails("bad_message", client.subscribe("a/#/b"))
        await fails("bad_message", client.subscribe("a", 2))
        assert client.connected

    play(answering(refuse), story)


def test_a_full_window_waits_and_no_packet_id_is_used_twice():
    ids = []

    async def hold(reader, writer):
        while len(ids) < 3:
            ids.append(packet_id((await packet(reader))[1]))
        await port.sleep_ms(100)  # were the window not kept, a fourth message would come now
        ids.append("ack")
        await put(writer, b"\x40\x02" + ids[1])
        ids.append(packet_id((await packet(reader))[1]))
        await put(writer, b"\x40\x02" + ids[1])  # for nothing in flight: does no harm
        for held in (ids[4], ids[2], ids[0]):
            await put(writer, b"\x40\x02" + held)

    async def story(client):
        await client.connect()
        client._window.last_id = 65533
        for _ in range(2):
            await client.send("a", b"x")
        client._window.last_id = 65533  # as after 65,535 messages while the first two are still in flight
        await client.send("a", b"x")
        assert client.in_flight == 3
        await client.send("a", b"x")
        assert "ack" in ids
        await client.drain()
        assert client.in_flight == 0

    play(answering(hold), story, window=3)
    assert ids == [b"\xff\xfe", b"\xff\xff", b"\x00\x01", "ack", b"\x00\x02"]


def test_messages_of_several_tasks_arrive_whole():
    seen = []

    async def collect(reader, writer):
        while True:
            got = await packet(reader)
            if got is None:
                return
            seen.append(bytes(got[1][5:]))
            await put(writer, b"\x40\x02" + packet_id(got[1]))

    async def story(client):
        await client.connect()

        async def many(letter):
            for n in range(10):
                await client.publish("a", letter * (50 * n + 1))

        await asyncio.gather(many(b"x"), many(b"y"), many(b"z"))

    play(answering(collect), story, window=2)
    assert len(seen) == 30
    for letter in (b"x", b"y", b"z"):
        assert [m for m in seen if m[:1] == letter] == [letter * (50 * n + 1) for n in range(10)]


def test_what_is_too_large_hurts_nobody():
    got = []

    async def big(reader, writer):
        await put(writer, b"\x32\xb1\x02\x00\x01b\x00\x09" + b"x" * 300 + b"\x30\x05\x00\x01asm")
        got.append(await packet(reader))
        await put(writer, b"\x40\x02" + packet_id((await packet(reader))[1]))

    async def story(client):
        await client.connect()
        while len(got) < 2:
            await port.sleep_ms(5)
        assert client.refused == 1
        for _ in range(20):  # more often than the window has places
            await fails("too_large", client.publish("a", bytearray(1024)))
            await fails("bad_message", client.publish("a/#", b""))
        await fails("bad_message", client.publish("a", b"", 2))
        assert client.in_flight == 0
        await client.publish("a", b"fits")

    play(answering(big), story, on_message=lambda t, p, r: got.append((t, bytes(p), r)))
    assert got == [(b"a", b"sm", False), (0x40, b"\x00\x09")]


def test_an_exception_of_the_callback_comes_out_of_run():
    async def message(reader, writer):
        await packet(reader)  # the client is through with connecting
        await put(writer, b"\x30\x03\x00\x01a")

    def broken(topic, payload, retained):
        raise ValueError("mine")

    async def story(client):
        await client.connect()
        await client.publish("a", b"go on", 0)
        try:
            await client.run()
        except ValueError as error:
            assert str(error) == "mine"
        else:
            raise AssertionError("the error was lost")
        await fails("broker_lost", client.drain(), "mine")

    play(answering(message), story, on_message=broken)


def test_qos_2_is_a_bad_message():
    async def message(reader, writer):
        await packet(reader)  # the client is through with connecting
        await put(writer, b"\x34\x05\x00\x01a\x00\x01")

    async def story(client):
        await client.connect()
        await client.publish("a", b"go on", 0)
        await fails("bad_message", client.run(), "QoS 2")

    play(answering(message), story)


def test_close_says_goodbye_and_a_new_connection_works():
    seen = []

    async def script(reader, writer):
        await packet(reader)
        await put(writer, CONNACK if not seen else b"\x20\x02\x01\x00")
        while True:
            got = await packet(reader)
            if got is None:
                break
            seen.append(got[0])
            if len(seen) > 2:
                await put(writer, b"\x40\x02" + packet_id(got[1]))

    async def story(client):
        await fails("broker_lost", client.publish("a", b""), "not connected")
        await client.close()
        assert await client.connect() is False
        await fails("internal", client.connect())
        waiting = asyncio.create_task(fails("broker_lost", client.publish("a", b"1"), "closed by the node"))
        while client.in_flight == 0:
            await port.sleep_ms(1)
        await client.close()
        await waiting
        while len(seen) < 2:
            await port.sleep_ms(1)
        assert await client.connect() is True
        assert client.in_flight == 0
        await client.publish("a", b"2")

    play(script, story)
    assert seen[:2] == [0x32, 0xE0]


def test_settings_out_of_range_are_refused():
    for kwargs in ({"keepalive_s": 0}, {"keepalive_s": 65536}, {"window": 0}):
        try:
            Client("127.0.0.1", 1883, "node", **kwargs)
        except NodeError as error:
            assert error.name == "range"
        else:
            raise AssertionError(kwargs)
