"""The log of a board stays bounded."""

from __future__ import annotations

from pathlib import Path

from babbitt_tools.vboard.log import BoundedLog


def test_the_older_half_goes_at_the_end_of_a_line(tmp_path: Path) -> None:
    log = BoundedLog(tmp_path / "log.txt", limit=1000)
    for i in range(500):
        log.append(b"line %d\n" % i)
    assert log.path.stat().st_size <= 1010
    lines = log.path.read_text().splitlines()
    assert lines[-1] == "line 499"
    assert lines == [f"line {i}" for i in range(500 - len(lines), 500)]
    assert log.tail(2) == "line 498\nline 499"
