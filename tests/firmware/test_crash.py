"""A crash is on flash before anything else is done, is told in one birth, and holds no password."""

import os

from babbitt_node import crash
from babbitt_node.errors import NodeError
from babbitt_node.hal import port
from babbitt_node.supervisor import Supervisor, trace

SETTINGS = {
    "site": "hall",
    "wifi": {"ssid": "hall", "password": "correct horse"},
    "broker": {"host": "h", "password": "battery staple", "keepalive_s": 30},
}


def traced(message):
    try:
        raise NodeError("crc", message)
    except NodeError as error:
        return trace(error)


def content(path):
    with open(path) as file:
        return file.read()


def test_a_crash_is_kept_told_once_and_left_for_people():
    assert crash.untold() is None
    line = crash.keep(traced("on purpose"), SETTINGS)
    assert "on purpose" in line and "test_crash.py:" in line and "traced" in line, line
    assert "Traceback" in content("crash.txt")
    assert crash.untold() == line, "the start after it"
    assert crash.untold() == line, "and the one after that, if no birth got through"
    crash.told()
    assert crash.untold() is None and "on purpose" in content("crash.told.txt")
    crash.told()
    crash.keep(traced("another"), SETTINGS)
    crash.told()
    assert "another" in content("crash.told.txt")


def test_no_password_is_written_or_told():
    text = traced("cannot join with correct horse at battery staple")
    line = crash.keep(text, SETTINGS)
    for said in (line, content("crash.txt")):
        assert "horse" not in said and "staple" not in said and "***" in said
    assert crash.secrets(SETTINGS) and sorted(crash.secrets(SETTINGS)) == ["battery staple", "correct horse"]
    assert crash.secrets({"wifi": {"password": ""}}) == crash.secrets(None) == []


def test_it_is_bounded_and_the_end_is_what_is_kept():
    text = (
        "Traceback (most recent call last):\n"
        + '  File "x.py", line 1, in f\n' * 1000
        + "ValueError: the end"
    )
    line = crash.keep(text, None)
    assert len(content("crash.txt")) <= crash.LARGEST and content("crash.txt").endswith("the end")
    assert line == "ValueError: the end (x.py:1 f)"
    line = crash.keep("ValueError: " + "\x1b[2J\xe9" * 400, None)
    assert len(line) <= 128 and all(" " <= c <= "~" for c in line)
    assert len(crash.keep('File "%s.py", line 1, in f\nValueError: %s' % ("y" * 300, "z" * 300), None)) <= 128
    assert crash.keep("", None) == "unknown"


def test_the_same_crash_again_costs_no_write():
    text = traced("on purpose")
    line = crash.keep(text, None)
    opened = []

    def watched(path, mode="r"):
        opened.append(mode)
        return open(path, mode)

    crash.open = watched
    try:
        assert crash.keep(text, None) == line and opened == ["r"]
        crash.keep(traced("another"), None)
        assert opened == ["r", "r", "w"]
    finally:
        del crash.open


def test_a_flash_that_takes_nothing_changes_nothing():
    os.mkdir("crash.txt")
    assert "on purpose" in crash.keep(traced("on purpose"), None)
    assert crash.untold() in (None, "unknown")
    crash.told()


def test_the_supervisor_tells_of_a_hang_before_the_watchdog_bites():
    kept = []
    supervisor = Supervisor(None, kept.append)
    supervisor.add("stuck", None, 0)
    supervisor._tasks[0].last = port.ticks_add(port.ticks_ms(), -10)
    supervisor.check()
    supervisor.check()
    assert len(kept) == 1 and "stuck" in kept[0]
