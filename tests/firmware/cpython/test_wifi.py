"""The radio has one owner, and a hundred nodes do not come back in the same second."""

from __future__ import annotations

import ast
import asyncio
from pathlib import Path

import pytest
from test_publisher import Node

from babbitt_node import publisher as module
from babbitt_node.errors import NodeError
from babbitt_node.hal import port
from babbitt_node.publisher import Publisher

PACKAGE = Path(__file__).parents[3] / "firmware" / "babbitt_node"


def callers(*names: str) -> set[str]:
    """The modules that call a method of one of these names."""
    return {
        path.relative_to(PACKAGE).as_posix()
        for path in PACKAGE.rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text("utf-8")))
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr in names
    }


def test_only_the_publisher_joins_and_leaves_the_network() -> None:
    assert callers("up", "down") == {"publisher.py"}


def test_the_radio_is_disconnected_before_it_is_connected() -> None:
    """Everywhere: an ESP32 answers a connect() in the middle of an attempt with 'Wifi Internal State Error'."""
    tree = ast.parse((PACKAGE / "hal" / "board.py").read_text("utf-8"))
    found = 0
    for function in ast.walk(tree):
        if isinstance(function, ast.AsyncFunctionDef | ast.FunctionDef):
            calls = [
                (node.lineno, node.func.attr)
                for node in ast.walk(function)
                if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute)
            ]
            order = [name for _, name in sorted(calls) if name in ("connect", "disconnect")]
            if "connect" in order:
                found += 1
                assert order.index("disconnect") < order.index("connect"), function.name
    assert found >= 1


class Away:
    """A network that cannot be joined; every attempt begins a list in `attempts`."""

    def __init__(self, attempts: list[list[int]]) -> None:
        self.attempts = attempts

    def is_up(self) -> bool:
        return False

    def down(self) -> None:
        """Nothing to leave."""

    async def up(self, ssid: str, password: str) -> None:
        self.attempts.append([])
        raise NodeError("network_down", "nothing there")


class Port:
    """The port: a sleep passes at once and is written down; `byte` is what the random generator gives."""

    def __init__(self, byte: int) -> None:
        self.byte = byte
        self.attempts: list[list[int]] = []

    def __getattr__(self, name: str) -> object:
        return getattr(port, name)

    def unique_bytes(self, n: int) -> bytes:
        return bytes([self.byte]) * n

    async def sleep_ms(self, ms: int) -> None:
        self.attempts[-1].append(ms)
        if len(self.attempts) > 9:
            raise asyncio.CancelledError


def pauses(monkeypatch: pytest.MonkeyPatch, byte: int) -> list[int]:
    """The pauses between attempts, in ms."""
    node = Node()
    fake = Port(byte)
    monkeypatch.setattr(node.board, "network", lambda: Away(fake.attempts), raising=False)
    publisher = Publisher(node)
    monkeypatch.setattr(module, "port", fake)
    with pytest.raises(asyncio.CancelledError):
        asyncio.run(publisher.run(lambda: None))
    return [sum(parts) for parts in fake.attempts[:9]]


def test_the_pause_doubles_to_a_minute_and_has_jitter(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    parts = [1, 2, 4, 8, 16, 32, 60, 60, 60]
    assert pauses(monkeypatch, 0) == [500 * n for n in parts]
    assert pauses(monkeypatch, 255) == [1520 * n for n in parts]
