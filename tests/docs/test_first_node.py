"""docs/first-node.md, followed literally from an empty folder to a chart in a real browser; only the two ports are others."""

from __future__ import annotations

import os
import re
import shutil
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from pages import text
from playwright.sync_api import sync_playwright

PAGE = text("first-node.md")
PORTS = "BROKER=1883 PAGE=8080\n"
ARGS = ["--headless", "--no-sandbox", "--disable-gpu"]


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        return int(taken.getsockname()[1])


@pytest.fixture
def shell(tmp_path: Path) -> Iterator[subprocess.Popen[str]]:
    """A shell in an empty folder, in which `babbitt` is this checkout's."""
    (tmp_path / "bin").mkdir()
    program = tmp_path / "bin" / "babbitt"
    program.write_text(f'#!/bin/sh\nexec {sys.executable} -c "from babbitt.cli import main; main()" "$@"\n')
    program.chmod(0o755)
    (tmp_path / "empty").mkdir()
    environment = os.environ | {
        "PATH": f"{tmp_path / 'bin'}:{os.environ['PATH']}",
        "BABBITT_BOARDS": str(tmp_path / "boards.json"),
        "COLUMNS": "150",
    }
    started = subprocess.Popen(
        ["bash", "-e", "-m"],  # -m: jobs, as in a person's shell
        cwd=tmp_path / "empty",
        env=environment,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    yield started
    started.kill()
    started.wait()
    for name in ("host.txt", "board.txt"):  # what the page left running, if a step failed
        for process in Path("/proc").glob("[0-9]*"):
            try:
                if os.readlink(process / "fd" / "1") == str(tmp_path / "empty" / "first-node" / name):
                    os.kill(int(process.name), 15)
            except OSError:
                continue


def run(shell: subprocess.Popen[str], code: str) -> str:
    """Type a block; returns what it printed."""
    assert shell.stdin is not None
    assert shell.stdout is not None
    shell.stdin.write(code + "\necho '-- done --'\n")
    shell.stdin.flush()
    said = []
    for line in shell.stdout:
        if line == "-- done --\n":
            return "".join(said)
        said.append(line)
    raise AssertionError(f"{code}\nended the shell:\n{''.join(said)}")


@pytest.mark.part("micropython")
@pytest.mark.part("chromium")
def test_the_page_leads_from_an_empty_folder_to_a_chart(shell: subprocess.Popen[str]) -> None:
    blocks = re.findall(r"^```sh\n(.*?)^```$", PAGE, flags=re.M | re.S)
    assert len(blocks) == 6
    assert PORTS in blocks[0]
    broker, page = free_port(), free_port()
    blocks[0] = blocks[0].replace(PORTS, f"BROKER={broker} PAGE={page}\n")
    run(shell, blocks[0])
    assert re.search(r"│ esp32 24:0a:c4:.*│ none +│ none +│", run(shell, blocks[1]))
    run(shell, blocks[2])
    flashed = run(shell, blocks[3])
    assert re.search(r"│ hall/fan-1 +│ [0-9a-f:]+ +│ runs +│ yes +│", flashed), flashed
    looked = run(shell, blocks[4])
    assert "ok   sensor vib (adxl345 on spi0)" in looked
    assert "bad " not in looked
    assert "record: " in looked
    assert re.search(r"hall/fan-1 +online", looked), looked
    with sync_playwright() as started:
        browser = started.chromium.launch(
            executable_path=shutil.which("chromium")
            or shutil.which("chromium-browser")
            or shutil.which("google-chrome"),
            args=ARGS,
        )
        try:
            tab = browser.new_page()
            tab.goto(f"http://127.0.0.1:{page}/node/hall/fan-1")
            tab.wait_for_function("document.querySelectorAll('.chart canvas').length >= 2", timeout=30000)
        finally:
            browser.close()
    run(shell, blocks[5])
