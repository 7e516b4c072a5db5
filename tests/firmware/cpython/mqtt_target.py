"""What the broker tests run as the node, on both runtimes: `mqtt_target.py JOB PORT [args]`.

Prints facts as lines of JSON lists; the last is ["end"].
"""

import asyncio
import gc
import json
import sys
import time

from babbitt_node.errors import NodeError
from babbitt_node.hal import port
from babbitt_node.mqtt.client import Client

JOB = sys.argv[1]
PORT = int(sys.argv[2])
WILL = ("t/state", b'{"online":false}', 1, True)


def say(*facts):
    print(json.dumps(facts))
    if hasattr(sys.stdout, "flush"):
        sys.stdout.flush()


def heap():
    """Bytes in use after a collection; 0 on CPython."""
    gc.collect()
    return gc.mem_alloc() if hasattr(gc, "mem_alloc") else 0


async def many(count, first_id):
    """`count` QoS 1 messages, the number of each in its payload."""
    before = heap()
    client = Client("127.0.0.1", PORT, "node-many")
    await client.connect()
    client._window.last_id = first_id
    held = heap() - before
    payload = bytearray(160)
    started = time.time()
    for n in range(count):
        payload[0:10] = b"%10d" % n
        await client.send("t/many", payload)
    await client.drain()
    took = time.time() - started
    say("sent", count, "per_s", int(count / took), "heap", held, "growth", heap() - before - held)
    started = time.time()
    for _ in range(500):
        await client.publish("t/single", payload)
    say("single_per_s", int(500 / (time.time() - started)))
    await client.close()


async def session():
    """Subscribe once, leave, come back: the broker kept what was sent meanwhile."""
    got = []

    def keep(topic, payload, retained):
        got.append((topic.decode(), bytes(payload).decode(), retained))

    client = Client("127.0.0.1", PORT, "node-session", on_message=keep)
    say("present", await client.connect())
    say("granted", await client.subscribe("t/down/+"))
    while len(got) < 2:
        await port.sleep_ms(10)
    say("got", sorted(got))
    got.clear()
    await client.close()
    say("away")
    sys.stdin.readline()
    say("present", await client.connect())
    while not got:
        await port.sleep_ms(10)
    say("got", got)
    await client.close()


async def killed():
    """Send until the broker dies, then come back as soon as there is one again."""
    client = Client("127.0.0.1", PORT, "node-killed", keepalive_s=5, will=WILL)
    await client.connect()
    await client.publish("t/state", b'{"online":true}', retain=True)
    say("sending")
    sent = 0
    try:
        while True:
            await client.send("t/stream", b"%d" % sent)
            sent += 1
            await port.sleep_ms(1)
    except NodeError as error:
        say("lost", error.name)
    try:
        await client.run()
    except NodeError as error:
        say("run", error.name)
    while True:
        try:
            await client.connect()
            break
        except NodeError as error:
            if error.name not in ("network_down", "broker_lost"):
                raise
            await port.sleep_ms(20)
    await client.publish("t/stream", b"back")
    say("back")
    sys.stdin.readline()  # the test ends this process without a goodbye: the will must come


async def silent():
    """Nothing to say: pings alone keep the connection beyond the broker's 1.5 x keep-alive."""
    client = Client("127.0.0.1", PORT, "node-silent", keepalive_s=1, will=WILL)
    await client.connect()
    await port.sleep_ms(2000)
    await client.publish("t/still", b"here")
    await client.close()


beats = 0


async def beat():
    """A sampler's beat: it must go on whatever the network does."""
    global beats
    while True:
        beats += 1
        await port.sleep_ms(10)


async def link():
    """Connect as `job.json` says, as often as `rounds`; tell what came of it. Between two rounds wait for a line.

    After connecting: subscribe, publish at QoS 0 and 1, wait for one message, or with `stream` publish until the end.
    """
    with open("job.json") as file:
        job = json.load(file)
    got = []
    client = Client(
        job.get("host", "127.0.0.1"),
        PORT,
        "node-link",
        keepalive_s=job.get("keepalive_s", 30),
        user=job.get("user"),
        password=job.get("password"),
        will=WILL,
        on_message=lambda topic, payload, retained: got.append(bytes(payload).decode()),
        answer_ms=job.get("answer_ms", 10000),
        tls=job.get("tls"),
        tx_size=1024,
        rx_size=1024,
    )
    beating = asyncio.create_task(beat())
    for n in range(job.get("rounds", 1)):
        if n:
            say("ready")
            sys.stdin.readline()
        before = beats
        try:
            present = await client.connect()
            say("present", present)
            if not present:
                await client.subscribe("t/down")
            await client.publish("t/up", b"quick %d" % n, 0)
            await client.publish("t/up", b"sure %d" % n)
            say("sent")
            while job.get("stream"):
                await client.send("t/stream", b"x" * 64)
                await port.sleep_ms(5)
            while not got:
                await port.sleep_ms(5)
            say("got", got.pop())
        except NodeError as error:
            say("failed", error.name, error.detail, beats - before)
        await client.close()
    beating.cancel()


def resident():
    """Bytes of memory of the whole process: what TLS takes is not on MicroPython's heap. 0 where nobody tells."""
    try:
        with open("/proc/self/statm") as file:
            return int(file.read().split()[1]) * 4096
    except OSError:
        return 0


async def again(count):
    """Connect so often: every other time as `job.json` says, else with a CA that does not fit. Tell what is left of it."""
    with open("job.json") as file:
        tls = json.load(file)["tls"]
    wrong = dict(tls)
    wrong["ca"] = "stranger.der"
    seen = {}
    for n in range(count):
        if n == count // 4:
            before = (heap(), resident())
        client = Client(
            "127.0.0.1", PORT, "node-again", tls=wrong if n % 2 else tls, tx_size=512, rx_size=512
        )
        try:
            await client.connect()
            await client.publish("t/again", b"%d" % n)
            said = "connected"
        except NodeError as error:
            said = error.name
        await client.close()
        seen[said] = seen.get(said, 0) + 1
    client = None
    say("growth", heap() - before[0], resident() - before[1], seen)


async def main():
    if JOB == "link":
        await link()
    elif JOB == "again":
        await again(int(sys.argv[3]))
    elif JOB == "many":
        await many(int(sys.argv[3]), int(sys.argv[4]))
    elif JOB == "session":
        await session()
    elif JOB == "killed":
        await killed()
    else:
        await silent()
    say("end")


asyncio.run(main())
