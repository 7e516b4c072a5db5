"""Files that are replaced as a whole: the old one or the new one, and nothing left of what failed."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from babbitt.store.files import UNFINISHED, appearing, write_whole


def test_the_old_one_is_there_until_the_new_one_is_whole(tmp_path: Path) -> None:
    path = tmp_path / "state"
    write_whole(path, b"old")
    with appearing(path) as new:
        new.write_bytes(b"half")
        assert path.read_bytes() == b"old"
        assert new.parent == path.parent  # else it cannot be renamed
        new.write_bytes(b"whole")
    assert path.read_bytes() == b"whole"
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize(
    "error", [OSError(28, "No space left on device"), KeyboardInterrupt(), ValueError("odd")]
)
def test_after_an_error_the_old_one_stays_and_nothing_is_left(error: BaseException, tmp_path: Path) -> None:
    path = tmp_path / "state"
    write_whole(path, b"old")

    def fail() -> None:
        with appearing(path) as new:
            new.write_bytes(b"half")
            raise error

    with pytest.raises(type(error)):
        fail()
    assert path.read_bytes() == b"old"
    assert list(tmp_path.iterdir()) == [path]


def test_it_is_on_disk_before_it_has_its_name_and_so_is_the_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What the system is asked, in this order: the order is what a power cut tries."""
    asked: list[tuple[str, bool]] = []
    path = tmp_path / "state"
    really = os.fsync

    def fsync(handle: int) -> None:
        asked.append((os.readlink(f"/proc/self/fd/{handle}"), path.exists()))
        really(handle)

    monkeypatch.setattr(os, "fsync", fsync)
    write_whole(path, b"x")
    assert asked == [(str(path) + UNFINISHED, False), (str(tmp_path), True)]


def test_a_writer_that_is_killed_leaves_the_old_one(tmp_path: Path) -> None:
    path = tmp_path / "state"
    write_whole(path, b"old")
    code = (
        "import os, sys; from pathlib import Path; from babbitt.store.files import appearing\n"
        "with appearing(Path(sys.argv[1])) as new:\n    new.write_bytes(b'half'); os.kill(os.getpid(), 9)"
    )
    done = subprocess.run([sys.executable, "-c", code, str(path)], check=False, timeout=60)
    assert done.returncode == -signal.SIGKILL
    assert path.read_bytes() == b"old"
    write_whole(path, b"new")
    assert path.read_bytes() == b"new"
    assert list(tmp_path.iterdir()) == [path]
