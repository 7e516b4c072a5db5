"""What the node writes is JSON, to the byte and without allocating; what it reads is checked."""

import json

from helpers import Random, node_error, without_heap

from babbitt_node.errors import NodeError
from babbitt_node.wire import Endless, Writer, get_int, get_str, read_object


def text(writer):
    return bytes(writer.view()).decode()


def test_integers_of_every_length_read_back_the_same():
    out = Writer(bytearray(64))
    numbers = [0, 1, 9, 10, 99, 123456789, 999999999, 1000000000, 1073741823, 2147483647, 4294967296]
    numbers += [1789000000123, 9007199254740991, 10**18, 10**18 + 5, 10**27]
    for n in numbers:
        for value in (n, -n):
            assert text(out.reset().int(value)) == "%d" % value


def test_random_integers_read_back_the_same():
    out = Writer(bytearray(64))
    random = Random(7)
    for _ in range(500):
        n = random.between(-1073741823, 1073741823) >> random.between(0, 29)
        assert json.loads(text(out.reset().int(n))) == n


def test_a_row_is_json_and_costs_no_heap():
    out = Writer(bytearray(200))
    ident = b"vib.x.rms"

    def write():
        out.reset().raw(b'{"seq":').int(12).raw(b',"row":[').int(-1073741823).raw(b",").value(None)
        out.raw(b",").value(0).raw(b'],"ch":').str(ident).raw(b',"ok":').bool(True).raw(b',"at":').null()
        out.raw(b"}")

    without_heap(write)
    assert json.loads(text(out)) == {
        "seq": 12, "row": [-1073741823, None, 0], "ch": "vib.x.rms", "ok": True, "at": None,
    }  # fmt: skip


def test_every_character_of_a_string_survives():
    out = Writer(bytearray(1000))
    every = "".join(chr(c) for c in range(128)) + "\u00e4\u20ac\ud7ff\ue000\U0001f529\U0010ffff\u2028"
    assert json.loads(text(out.str(every))) == every
    assert json.loads(text(out.reset().str(every.encode()))) == every
    assert text(out.reset().str("")) == '""'


def test_a_string_that_is_no_utf8_is_refused():
    out = Writer(bytearray(100)).raw(b"[")
    overlong = (b"\xc0\x80", b"\xe0\x80\x80", b"\xf0\x80\x80\x80", b"\xff")
    for bad in overlong + (b"a\x80", b"\xed\xa0\x80", b"\xf4\x90\x80\x80", b"\xe2\x82", b"\xe2\x82a"):
        assert "byte" in node_error("bad_message", out.str, bad).detail
        assert out.length == 1


def test_a_full_buffer_is_an_error_and_leaves_what_was_there():
    calls = (
        ("raw", b"12345"), ("int", 12345), ("int", -1234), ("int", 12345678901), ("str", b"abc"),
        ("str", b"\n"), ("bool", False),
    )  # fmt: skip
    for method, argument in calls:
        out = Writer(bytearray(8)).raw(b"1234")
        assert "buffer has 8" in node_error("too_large", getattr(out, method), argument).detail
        assert bytes(out.view()) == b"1234", method
    exact = Writer(bytearray(5)).int(12345)
    assert bytes(exact.view()) == b"12345"
    node_error("too_large", exact.int, 0)


def test_going_back_drops_the_last_piece():
    out = Writer(bytearray(20)).raw(b"[1")
    mark = out.length
    out.raw(b",2").back(mark).raw(b"]")
    assert text(out) == "[1]"
    node_error("internal", out.back, 10)


def test_a_message_longer_than_its_buffer_is_measured():
    for size in (40, 64, 1000):
        out = Endless(bytearray(size)).reset()
        whole = Writer(bytearray(1000))
        for writer in (out, whole):
            for n in range(9):
                writer.str("café %d" % n).int(-(10**n)).int(10**19).value(None)
        assert out.size == whole.length and (out.length == out.size) == (size == 1000)
    assert out.view() == whole.view()
    assert out.reset().size == 0
    node_error("too_large", Endless(bytearray(3)).reset().raw, b"null")


def test_objects_are_read_with_their_limits():
    doc = read_object(b'{"i":"9f3a01bc","boot":3,"seq":122}', 100)
    assert get_int(doc, "boot", 1, 2147483647) == 3
    assert get_str(doc, "i", 8) == "9f3a01bc"
    assert read_object(memoryview(b'{"a":{}}'), 8) == {"a": {}}


def test_what_is_no_object_is_refused_with_its_reason():
    for bad in (b"", b"[]", b"1", b"null", b'"x"', b"{", b'{"a":x}', b"{\xff}", b'{"a":"\x00"}', b"\x00"):
        node_error("bad_message", read_object, bad, 100)
    assert "limit is 3" in node_error("too_large", read_object, b"{  }", 3).detail


def test_deep_brackets_do_not_kill_the_node():
    for bad in (b"[" * 4000, b'{"a":' * 800):
        try:
            read_object(bad, 4096)
        except NodeError as error:
            assert error.name in ("bad_message", "memory")
        else:
            raise AssertionError("an open bracket was accepted")


def test_a_field_of_the_wrong_kind_is_named():
    doc = {"a": "x", "b": True, "c": 1.5, "d": 5, "e": "", "f": None}
    for name in ("a", "b", "c", "e", "f", "g"):
        assert name in node_error("bad_message", get_int, doc, name, 0, 10).detail
    assert "0..4" in node_error("bad_message", get_int, doc, "d", 0, 4).detail
    for name in ("b", "c", "d", "e", "f", "g"):
        node_error("bad_message", get_str, doc, name, 10)
