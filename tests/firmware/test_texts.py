"""Texts for people are the same whether they are in a module or on flash, and a lost table hides no error."""

from helpers import node_error

from babbitt_node import texts
from babbitt_node.errors import ConfigError, NodeError
from babbitt_node.segment import FrameReader
from babbitt_node.wire import Writer


def test_an_error_has_its_words_on_both_runtimes():
    out = Writer(bytearray(4))
    assert node_error("too_large", out.raw, b"12345").detail == "5 bytes, the buffer has 4"
    assert node_error("internal", out.back, 3).detail == "back to 3 in a message of 0"
    assert NodeError("sunspots").detail.startswith("unknown error name 'sunspots'")
    assert ConfigError("a.b", "no").detail == "a.b: no" and FrameReader().gaps == 0


def test_a_lost_table_leaves_the_place_of_the_text():
    table = texts._TABLE
    try:
        texts._TABLE = "nowhere/texts.txt"
        assert "nowhere/texts.txt" in texts.text(17, 30) and "17" in texts.text(17, 30)
        with open("broken.txt", "wb") as file:
            file.write(b"good words\xff")
        texts._TABLE = "broken.txt"
        assert texts.text(5, 5) == "words"
        assert "broken.txt" in texts.text(5, 6)
    finally:
        texts._TABLE = table
