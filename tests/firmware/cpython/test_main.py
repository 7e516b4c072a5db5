"""A start that fails writes down why and restarts the board, whatever the flash says."""

import runpy
import sys
import time
import types
from pathlib import Path

import pytest

MAIN = Path(__file__).parents[3] / "firmware" / "main.py"


@pytest.mark.parametrize("refused", [False, True])
def test_a_start_that_fails_restarts_the_board(tmp_path, monkeypatch, refused):
    calls = []

    class Board:
        has_wifi = False

        @classmethod
        def load(cls, path):
            return cls()

        def bus_types(self):
            return {}

        def restart(self):
            calls.append("restart")

    board = types.ModuleType("babbitt_node.hal.board")
    board.Board = Board
    monkeypatch.setitem(sys.modules, "babbitt_node.hal.board", board)
    monkeypatch.setattr(time, "sleep", calls.append)
    monkeypatch.chdir(tmp_path)
    if refused:
        (tmp_path / "crash.txt").mkdir()  # nothing can be written there
    runpy.run_path(str(MAIN), run_name="__main__")  # there is no node.json
    assert calls == [30, "restart"]
    assert refused or "node.json" in (tmp_path / "crash.txt").read_text()
