"""`babbitt node virtual`: a bare board without hardware."""

from __future__ import annotations

import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Annotated

import typer

from babbitt_tools.errors import BoardError
from babbitt_tools.node.commands.options import JsonOption, console, print_json

START_S = 20.0


def virtual(
    flash: Annotated[
        Path, typer.Option("--flash", help="File that is its flash chip; made, empty, if missing.")
    ] = Path("board.flash"),
    port: Annotated[
        int, typer.Option("--port", min=0, max=65535, help="TCP port on the loopback; 0 takes a free one.")
    ] = 0,
    speed: Annotated[
        float, typer.Option("--speed", min=0.01, max=1000, help="Virtual seconds a real second.")
    ] = 1.0,
    lines: Annotated[
        bool, typer.Option("--lines", help="With the lines DTR and RTS (RFC 2217): faithful, and slow.")
    ] = False,
    seconds: Annotated[
        float | None, typer.Option("--seconds", min=0, help="End by itself after so long.")
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Plug in a board that is a program: every command for boards works on the port it prints. Ctrl-C unplugs it; its flash stays."""
    out = console(as_json)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # the board ends with it
    with tempfile.TemporaryDirectory() as folder:
        said = Path(folder, "port.txt")
        command = [
            sys.executable, "-m", "babbitt_tools.vboard.bare", "--flash", str(flash), "--port", str(port), "--port-file", str(said),
            "--speed", str(speed), *(["--lines"] if lines else []),
        ]  # fmt: skip
        board = subprocess.Popen(command, stderr=subprocess.PIPE, text=True)
        try:
            end = time.monotonic() + START_S
            while not said.exists():
                if board.poll() is not None or time.monotonic() > end:
                    assert board.stderr is not None
                    words = board.stderr.read().strip().splitlines()
                    raise BoardError(f"the board does not start: {words[-1] if words else 'without a word'}")
                time.sleep(0.05)
            if as_json:
                print_json({"board": "virtual", "port": said.read_text(), "flash": str(flash)})
            out.print(
                f"A bare board is plugged in: --board virtual --port {said.read_text()}", soft_wrap=True
            )
            out.print("Ctrl-C unplugs it.")
            sys.stdout.flush()
            board.wait(seconds)
        except subprocess.TimeoutExpired:
            pass
        finally:
            board.terminate()
            board.wait()
