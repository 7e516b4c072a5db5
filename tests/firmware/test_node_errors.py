"""Every error has a name, and a wrong name never hides the error."""

from babbitt_node.errors import NAMES, NodeError


def test_every_name_is_fit_for_the_wire():
    assert len(NAMES) > 10
    for name in NAMES:
        assert 1 <= len(name) <= 32
        assert all("a" <= c <= "z" or c == "_" for c in name), name


def test_an_error_says_its_name_and_detail():
    error = NodeError("crc", "scratchpad of sensor temp")
    assert (error.name, error.detail) == ("crc", "scratchpad of sensor temp")
    assert str(error) == "crc: scratchpad of sensor temp"
    assert str(NodeError("timeout")) == "timeout"


def test_an_unknown_name_becomes_internal_and_keeps_the_detail():
    error = NodeError("sunspots", "disk on fire")
    assert error.name == "internal"
    assert "sunspots" in error.detail and "disk on fire" in error.detail
