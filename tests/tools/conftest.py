"""Starts virtual boards that end with the test."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
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
