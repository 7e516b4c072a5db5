"""Starts virtual boards that end with the test."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from benchboard import BenchBoard
from boards import COMMON, Ramp, Start

from babbitt_tools.vboard.board import VirtualBoard


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Start]:
    boards: list[VirtualBoard] = []

    def make(
        runtime: str, program: str, world: Any = None, flash: str = "flash", **settings: Any
    ) -> VirtualBoard:
        image = tmp_path / "image"
        image.mkdir(exist_ok=True)
        (image / "main.py").write_text(COMMON + program)
        settings = {"node": {}, "config": None, "speed": 1e6, **settings}
        board = VirtualBoard(
            "test", tmp_path / flash, world or Ramp(), runtime=runtime, image=image, **settings
        )
        boards.append(board)
        board.start()
        return board

    yield make
    for board in boards:
        board.stop()


@pytest.fixture
def bench(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., BenchBoard]]:
    """Plugs in bare boards, and remembers in a file of the test which board is which node."""
    monkeypatch.setenv("BABBITT_BOARDS", str(tmp_path / "boards.json"))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    made: list[BenchBoard] = []

    def plug_in(name: str = "chip", *options: str) -> BenchBoard:
        made.append(BenchBoard(tmp_path, name, *options))
        return made[-1]

    yield plug_in
    for board in made:
        board.unplug()
