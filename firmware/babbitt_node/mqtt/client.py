"""One small MQTT 3.1.1 client for asyncio, on MicroPython and CPython.

    def on_message(topic, payload, retained):      # plain function; payload is valid only until it returns
        print(topic, bytes(payload), retained)

    client = Client("192.168.1.2", 1883, "press-7", keepalive_s=30, on_message=on_message,
                    will=("babbitt/1/hall/press-7/state", b'{"online":false}', 1, True))
    while True:                                    # the client never reconnects by itself
        try:
            session_present = await client.connect()
            await client.subscribe("babbitt/1/hall/press-7/desired")
            await client.publish("babbitt/1/hall/press-7/birth", birth, retain=True)   # returns after PUBACK
            await client.send("babbitt/1/hall/press-7/data", row)      # returns once it is on its way
            await client.drain()                                       # every send() is acknowledged
            await client.run()                     # waits for the end of the connection, which it raises
        except NodeError as error:
            print(error)
        finally:
            await client.close()
        await port.sleep_ms(back_off_ms)

`connect()` starts a reading task and a watching task of its own: nothing else has to run for `publish`,
`subscribe` or `drain` to get their answers, and `run()` may be awaited in another task or not at all.
All calls may be made from several tasks of one event loop. `on_message` must not block and cannot await; an
exception it raises ends the connection and comes out of `run()` unchanged.

The client keeps no copy of a message: what was not acknowledged when a connection ended is the caller's to
send again (the spool does). The watching task is the one place where time is kept: an answer that is overdue,
a write that does not get through, or silence for 1.5 x keepalive ends the connection with an error that every
waiting call raises.

Errors (NodeError names): `network_down` the broker cannot be reached; `timeout` it did not answer the
connection; `broker_refused` CONNACK or SUBACK says no (the detail gives the code); `broker_lost` the
connection ended, was closed, or there is none; `bad_message` the broker broke the protocol; `too_large` the
packet does not fit into the buffer (nothing was sent, the connection stays).
"""

_BUFFER = 8448  # 8.25 KiB: the largest payload of the protocol (8,192) with topic and header


class Client:
    """An MQTT client with one window of messages in flight and two fixed buffers.

    host, port: the broker. client_id: str, 1..23 characters are portable. keepalive_s: 5..600 seconds.
    user, password: str or None. will: (topic, payload, qos, retain) or None.
    on_message: function(topic: bytes, payload: memoryview, retained: bool) or None.
    window: largest number of QoS 1 messages in flight. tx_size, rx_size: bytes of the buffers, taken once here.

    Attributes to read: `connected` bool; `in_flight` messages without PUBACK; `refused` packets from the broker
    that were larger than rx_size and thrown away since construction.
    """

    def __init__(
        self,
        host,
        port,
        client_id,
        keepalive_s=30,
        user=None,
        password=None,
        will=None,
        on_message=None,
        window=8,
        tx_size=_BUFFER,
        rx_size=_BUFFER,
    ):
        raise NotImplementedError

    async def connect(self):
        """Connect and return whether the broker kept our session (True: subscriptions are still there).

        Asks for a lasting session (clean session 0). Raises NodeError network_down, timeout, broker_refused,
        broker_lost, bad_message.
        """
        raise NotImplementedError

    async def publish(self, topic, payload, qos=1, retain=False):
        """Publish and return after the PUBACK (QoS 1) or once it is written (QoS 0).

        topic: str or bytes. payload: bytes, bytearray or memoryview; copied, so it may change after the call.
        Raises NodeError broker_lost (send it again later), too_large, bad_message (an invalid topic).
        """
        raise NotImplementedError

    async def send(self, topic, payload, retain=False):
        """Publish at QoS 1 and return as soon as it is written; waits only for a place in the window.

        Raises as `publish`. Whether it arrived is known after `drain()`.
        """
        raise NotImplementedError

    async def drain(self):
        """Wait until every message has its PUBACK. Raises NodeError broker_lost when the connection ends first."""
        raise NotImplementedError

    async def subscribe(self, topic, qos=1):
        """Subscribe one filter and wait for the SUBACK; returns the granted QoS.

        Raises NodeError broker_refused, broker_lost, too_large, bad_message.
        """
        raise NotImplementedError

    async def run(self):
        """Wait for the end of the connection and raise what ended it.

        Raises NodeError (broker_lost after close() as well), or the exception of on_message.
        """
        raise NotImplementedError

    async def close(self):
        """Say DISCONNECT (so that no will is sent) and close. Harmless without a connection; raises nothing."""
        raise NotImplementedError
