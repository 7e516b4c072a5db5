"""Messages as bytes: JSON written into one buffer without allocating, and JSON read with every check. Pure.

    out = Writer(bytearray(4096))
    out.raw(b'{"seq":').int(12).raw(b',"v":').value(None).raw(b',"ch":').str(b"vib.x.rms").raw(b"}")
    await client.publish(topic, out.view())          # {"seq":12,"v":null,"ch":"vib.x.rms"}

    doc = read_object(payload, 4096)
    seq = get_int(doc, "seq", 0, 2147483647)

JSON as in RFC 8259; UTF-8 as in Unicode 15, table 3-7.
"""

import json

from .errors import NodeError
from .hal.compile import const

_BILLION = const(1000000000)  # the largest power of ten in a 31-bit int
_HEX = b"0123456789abcdef"


def utf8_end(buf, at, end):
    """Position of the first byte in buf[at:end] that is not well-formed UTF-8 or is U+0000; `end` if all is
    well. No overlong forms, no surrogates.
    """
    while at < end:
        first = buf[at]
        if first < 0x80:
            if first == 0:
                return at
            at += 1
            continue
        low = 0x80
        high = 0xBF
        if 0xC2 <= first <= 0xDF:
            more = 1
        elif 0xE0 <= first <= 0xEF:
            more = 2
            if first == 0xE0:
                low = 0xA0
            elif first == 0xED:
                high = 0x9F
        elif 0xF0 <= first <= 0xF4:
            more = 3
            if first == 0xF0:
                low = 0x90
            elif first == 0xF4:
                high = 0x8F
        else:
            return at
        if at + more >= end or not low <= buf[at + 1] <= high:
            return at
        for k in range(at + 2, at + more + 1):
            if buf[k] & 0xC0 != 0x80:
                return at
        at += more + 1
    return at


def text_bytes(value, what):
    """`value` (str or bytes) as bytes. Raises NodeError bad_message for a str that has no UTF-8 form."""
    if not isinstance(value, str):
        return value
    try:
        return value.encode()
    except UnicodeError as error:
        raise NodeError("bad_message", "%s: %s" % (what, error))


class Writer:
    """Appends JSON to a caller's bytearray. Every method returns the writer.

    `length` is what was written so far. Nothing allocates for bytes and for ints within +-(2^30 - 1); larger
    ints cost an ESP32 a big int each. Raises NodeError too_large when the buffer is full; what was written
    before stays, so a caller that wants to go on keeps `length` and calls `back(length)`.
    """

    def __init__(self, buf):
        self._buf = buf
        self.length = 0

    def reset(self):
        """Start again with an empty message."""
        self.length = 0
        return self

    def back(self, length):
        """Forget what was written behind `length`, an earlier value of `.length`."""
        if not 0 <= length <= self.length:
            raise NodeError("internal", "back to %d in a message of %d" % (length, self.length))
        self.length = length
        return self

    def view(self):
        """The message as a memoryview, valid until the next change."""
        return memoryview(self._buf)[: self.length]

    def _room(self, count):
        at = self.length
        if at + count > len(self._buf):
            raise NodeError("too_large", "%d bytes, the buffer has %d" % (at + count, len(self._buf)))
        self.length = at + count
        return at

    def raw(self, data):
        """Bytes as they are."""
        at = self._room(len(data))
        self._buf[at : at + len(data)] = data
        return self

    def null(self):
        """`null`"""
        return self.raw(b"null")

    def bool(self, value):
        """`true` or `false`"""
        return self.raw(b"true" if value else b"false")

    def value(self, n):
        """An int, or null for None."""
        return self.raw(b"null") if n is None else self.int(n)

    def int(self, n):
        """A decimal integer of any size."""
        start = self.length
        try:
            if n < 0:
                self.raw(b"-")
                n = -n
            if n >= _BILLION:
                self.int(n // _BILLION)
                self._digits(n % _BILLION, 9)
            else:
                count = 1
                limit = 10
                while n >= limit and count < 9:
                    count += 1
                    limit *= 10
                self._digits(n, count)
        except NodeError:
            self.length = start
            raise
        return self

    def _digits(self, n, count):
        at = self._room(count)
        buf = self._buf
        for k in range(at + count - 1, at - 1, -1):
            buf[k] = 48 + n % 10
            n //= 10

    def str(self, text):
        """A JSON string out of str or UTF-8 bytes, escaped. Raises NodeError bad_message for other bytes."""
        text = text_bytes(text, "text")
        start = self.length
        end = len(text)
        at = 0
        while at < end:  # U+0000 is lawful here: it is escaped
            at = utf8_end(text, at, end)
            if at < end:
                if text[at]:
                    raise NodeError("bad_message", "text: byte %d is no UTF-8" % at)
                at += 1
        try:
            self.raw(b'"')
            for byte in text:
                if byte == 34 or byte == 92:
                    self._buf[self._room(1)] = 92
                    self._buf[self._room(1)] = byte
                elif byte >= 32:
                    self._buf[self._room(1)] = byte
                else:
                    self.raw(b"\\u00")
                    self._buf[self._room(1)] = _HEX[byte >> 4]
                    self._buf[self._room(1)] = _HEX[byte & 15]
            self.raw(b'"')
        except NodeError:
            self.length = start
            raise
        return self


class Endless(Writer):
    """A Writer for messages that may be longer than its buffer: when that is full it begins at its start again. `size` is that of
    the whole message, which is in the buffer if it is `length` as well.
    """

    def __init__(self, buf):
        super().__init__(buf)
        self._before = 0

    @property
    def size(self):
        """Bytes written since `reset`."""
        return self._before + self.length

    def reset(self):
        """See Writer."""
        self._before = 0
        return super().reset()

    def _room(self, count):
        if self.length + count > len(self._buf):
            self._before += self.length
            self.length = 0
        return super()._room(count)


def read_object(payload, limit):
    """The JSON object in `payload` (bytes, bytearray or memoryview) as a dict.

    MicroPython's parser is lenient about commas and colons, so every field is to be checked by its reader.
    Raises NodeError too_large for more than `limit` bytes, bad_message for anything but one object, memory
    when it takes more than there is.
    """
    if len(payload) > limit:
        raise NodeError("too_large", "a message of %d bytes; the limit is %d" % (len(payload), limit))
    bad = utf8_end(payload, 0, len(payload))
    if bad != len(payload):
        raise NodeError("bad_message", "byte %d is no UTF-8 text" % bad)
    try:
        doc = json.loads(bytes(payload))
    except (ValueError, RuntimeError) as error:  # CPython: RecursionError for brackets without end
        raise NodeError("bad_message", "no JSON: %s" % error)
    except MemoryError:
        raise NodeError("memory", "a message of %d bytes takes more memory than is free" % len(payload))
    if not isinstance(doc, dict):
        raise NodeError("bad_message", "a JSON object is expected")
    return doc


def get_int(doc, name, low, high):
    """doc[name], which must be an int in low..high. Raises NodeError bad_message."""
    value = doc.get(name)
    if not isinstance(value, int) or isinstance(value, bool) or not low <= value <= high:
        raise NodeError("bad_message", "%s: an integer in %d..%d is expected" % (name, low, high))
    return value


def get_str(doc, name, longest):
    """doc[name], which must be a string of 1..longest characters. Raises NodeError bad_message."""
    value = doc.get(name)
    if not isinstance(value, str) or not 1 <= len(value) <= longest:
        raise NodeError("bad_message", "%s: a text of 1..%d characters is expected" % (name, longest))
    return value
