"""Commands: what is taken, what is refused and why, and that none can be played again."""

import json

from babbitt_node import acks, commands
from babbitt_node.errors import NodeError
from babbitt_node.wire import Writer


class Named:
    """Attributes by name."""

    def __init__(self, **what):
        for name, value in what.items():
            setattr(self, name, value)


class Station:
    """Notes what it is asked to do."""

    def __init__(self):
        self.asked = []

    def relearn(self, ids):
        self.asked.append(("relearn", ids))
        return ids or ["x-high", "x-odd"]

    def release(self, ids):
        if ids == ["nobody"]:
            raise NodeError("not_available", "checks: there is no nobody")
        self.asked.append(("release", ids))
        return []

    def set_recipe(self, n):
        self.asked.append(("recipe", n))


def made():
    blinked = []
    return Named(
        blinked=blinked,
        identify=blinked.append,
        identity=Named(install="9f3a01bc", boot=3),
        publisher=Named(reboot_due=False, birth_due=False),
        station=Station(),
        taken=0,
    )


def command(n=1, **more):
    doc = {"i": "9f3a01bc", "boot": 3, "n": n, "id": "c%d" % n, "cmd": "report"}
    doc.update(more)
    return json.dumps(doc).encode()


def refusal(node, payload, retained=False):
    """(error, id) of a command that must be refused."""
    answer, refused = commands.take(node, payload, retained)
    assert refused
    if answer is None:
        return None, None
    assert answer["state"] == "refused" and 0 < len(answer["reason"]) <= 128
    out = Writer(bytearray(512))
    acks.write(out, node, answer)
    said = json.loads(bytes(out.view()))
    assert said["error"] == answer["error"] and said["n"] == node.taken and said["i"] == "9f3a01bc"
    return answer["error"], answer["id"]


def done(node, payload):
    answer, refused = commands.take(node, payload, False)
    assert not refused and answer["state"] == "done", answer
    return answer


def test_every_command_reaches_what_it_is_for():
    node = made()
    done(node, command(1))
    assert node.publisher.birth_due
    assert done(node, command(2, cmd="relearn"))["checks"] == ["x-high", "x-odd"]
    done(node, command(3, cmd="relearn", checks=["x-high", "x-odd"]))
    answer = done(node, command(4, cmd="release", checks=["x-high"]))
    out = Writer(bytearray(256))
    acks.write(out, node, answer)
    assert bytes(out.view()).endswith(b'"cmd":"release","state":"done","checks":[]}')
    done(node, command(5, cmd="recipe", recipe=255))
    assert node.station.asked == [
        ("relearn", None),
        ("relearn", ["x-high", "x-odd"]),
        ("release", ["x-high"]),
        ("recipe", 255),
    ]
    assert not node.publisher.reboot_due
    answer = done(node, command(7, cmd="reboot"))
    assert node.publisher.reboot_due and node.taken == 7
    out = Writer(bytearray(256))
    acks.write(out, node, answer)
    assert bytes(out.view()) == b'{"i":"9f3a01bc","boot":3,"n":7,"id":"c7","cmd":"reboot","state":"done"}'


def test_a_command_is_taken_once():
    node = made()
    done(node, command(5))
    node.publisher.birth_due = False
    assert refusal(node, command(5)) == ("replayed", "c5")
    assert refusal(node, command(4)) == ("replayed", "c4")
    assert not node.publisher.birth_due and node.taken == 5
    done(node, command(6))


def test_a_command_that_was_refused_for_what_it_asks_cannot_be_played_again_either():
    node = made()
    later = command(1, cmd="release", checks=["nobody"])
    assert refusal(node, later) == ("not_available", "c1")
    node.station.release = lambda ids: []
    assert refusal(node, later) == ("replayed", "c1")
    done(node, command(2, cmd="identify", seconds=5))
    assert node.blinked == [5]


def test_commands_that_are_not_for_this_boot():
    node = made()
    assert refusal(node, command(1), True) == ("replayed", "c1")
    assert refusal(node, command(1, boot=2)) == ("replayed", "c1")
    assert refusal(node, command(1, boot=4)) == ("replayed", "c1")
    assert refusal(node, command(1, i="00000000")) == ("replayed", "c1")
    assert refusal(node, command(1001)) == ("bad_message", "c1001")
    assert node.taken == 0 and not node.publisher.birth_due
    done(node, command(1000))


def test_malformed_commands():
    node = made()
    for payload, expected in (
        (b"{", None),
        (b"[]", None),
        (b"\xff", None),
        (b"{}", None),
        (b'{"id":"Big"}', None),
        (b'{"id":"' + b"x" * 17 + b'"}', None),
        (b'{"id":7}', None),
        (b'{"id":"c9","n":1', "c9"),
        (b'{"id":"c9"}', "c9"),
        (b'{"id":"c9","x":"' + b"x" * 5000 + b'"}', "c9"),
        (b'{"x":"' + b"x" * 5000 + b'","id":"c9"}', None),
        (command(1).replace(b": 1", b': "1"'), "c1"),
        (command(1).replace(b": 1", b": true"), "c1"),
        (command(1).replace(b": 1", b": 1.5"), "c1"),
        (command(0), "c0"),
        (command(1, boot=None), "c1"),
        (command(1, i=7), "c1"),
    ):
        assert refusal(node, payload)[1] == expected, payload
    assert node.taken == 0
    refused = 0
    for n, more in enumerate(
        (
            {"cmd": "explode"},
            {"cmd": ""},
            {"cmd": None},
            {"cmd": "recipe"},
            {"cmd": "recipe", "recipe": 256},
            {"cmd": "recipe", "recipe": -1},
            {"cmd": "identify", "seconds": 0},
            {"cmd": "identify", "seconds": 601},
            {"cmd": "relearn", "checks": []},
            {"cmd": "relearn", "checks": ["a"] * 33},
            {"cmd": "relearn", "checks": [1]},
            {"cmd": "relearn", "checks": "a"},
            {"cmd": "capture", "axes": "zx"},
            {"cmd": "capture", "axes": 1},
            {"cmd": "capture", "samples": 63},
            {"cmd": "capture", "samples": 16385},
            {"cmd": "wave", "wave": "3-0", "part": -1},
            {"cmd": "wave", "wave": "3-0", "done": 1},
            {"cmd": "wave"},
        )
    ):
        assert refusal(node, command(n + 1, **more)) == ("bad_message", "c%d" % (n + 1)), more
        refused += 1
    assert node.taken == refused and node.station.asked == []


def test_a_station_may_refuse():
    node = made()
    assert refusal(node, command(1, cmd="release", checks=["nobody"])) == ("not_available", "c1")


def test_words_of_strangers_are_sayable():
    node = made()
    payload = command(1, cmd="MARK").replace(b"MARK", b'a\\"\xc3\xa9\xf0\x9f\x98\x80')
    answer, refused = commands.take(node, payload, False)
    assert refused and answer["cmd"] == 'a"??'
    assert all(" " <= c <= "~" for c in answer["reason"])


def test_a_full_heap_is_an_answer():
    node = made()

    def full(ids):
        raise MemoryError("memory allocation failed")

    node.station.relearn = full
    assert refusal(node, command(1, cmd="relearn")) == ("memory", "c1")
