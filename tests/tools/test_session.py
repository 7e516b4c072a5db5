"""What a session refuses before it starts anything."""

from __future__ import annotations

from pathlib import Path

import pytest

from babbitt_tools.errors import BoardError
from babbitt_tools.session import Session


def test_a_folder_that_holds_something_is_refused(tmp_path: Path) -> None:
    (tmp_path / "store").mkdir()
    with pytest.raises(BoardError, match="is not empty; give a new one"):
        Session(tmp_path)


def test_a_folder_that_cannot_be_made_is_one_clear_line(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(BoardError, match="cannot be made: Not a directory"):
        Session(tmp_path / "file" / "x")
