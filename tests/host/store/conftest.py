"""A store to feed."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from feeding import Feed


@pytest.fixture
def feed(tmp_path: Path) -> Iterator[Feed]:
    one = Feed(tmp_path / "store")
    yield one
    one.close()
