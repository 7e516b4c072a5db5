"""The process of esptool from outside: it hangs, dies, prints rubbish, or reads nothing; and its words are put in one line."""

from __future__ import annotations

import os
import pty
import socket
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from benchboard import BenchBoard

from babbitt_tools.errors import FlashError
from babbitt_tools.node import esp
from babbitt_tools.node.hints import HINTS, explained

UNPLUGGED = next(words for name, _, words in HINTS if name == "unplugged")
NO_PORT = next(words for name, _, words in HINTS if name == "no_port")
RUBBISH = rb"""
import sys
sys.stdout.buffer.write(b"\xff\xfe half a word\n\n[1, 2]\n7\nnull\n{\"done\": 3}\n{\"event\"\n" + b"[" * 200000 + b"\n")
sys.stdout.buffer.flush()
"""


def plan(port: str, **more: Any) -> dict[str, Any]:
    return {
        "port": port,
        "baud": 115200,
        "chip": None,
        "flash_bytes": None,
        "mac": None,
        "writes": [],
        "attempts": 1,
        **more,
    }


@pytest.fixture
def first(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[bytes], None]:
    """`first(code)`: what every Python that is started from now on does before anything else."""

    def put(code: bytes) -> None:
        (tmp_path / "sitecustomize.py").write_bytes(code)
        monkeypatch.setenv("PYTHONPATH", str(tmp_path))

    return put


@pytest.fixture
def silent() -> Iterator[str]:
    """A port on which nobody ever says anything."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield f"socket://127.0.0.1:{server.getsockname()[1]}"


@pytest.mark.parametrize(
    ("writes", "state"),
    [([], "(nothing was written)"), ([[0, "x.bin"]], "(the board may be written in part: flash it again)")],
    ids=["look", "flash"],
)
def test_a_session_that_says_nothing_is_ended(
    writes: list[Any], state: str, silent: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(esp, "SILENCE_S", 0.5)
    with pytest.raises(FlashError) as told:
        esp.run(plan(silent, writes=writes, attempts=1000))
    assert str(told.value) == f"{silent}: esptool said nothing for 0.5 s and was ended {state}"
    assert not [t for t in threading.enumerate() if isinstance(t, threading.Timer)]


def test_every_word_winds_up_the_watchdog(
    first: Callable[[bytes], None], silent: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nonsense too: whoever prints is alive."""
    first(b"import time\nfor _ in range(12):\n    print('still here', flush=True); time.sleep(0.25)\n")
    monkeypatch.setattr(esp, "SILENCE_S", 2.0)
    begun = time.monotonic()
    with pytest.raises(FlashError, match="said nothing for 2 s"):
        esp.run(plan(silent, attempts=1000))
    assert time.monotonic() - begun >= 4.5  # 12 words and the silence; without the winding up it ends at 2


def test_what_is_no_event_is_passed_over(
    first: Callable[[bytes], None], bench: Callable[..., BenchBoard]
) -> None:
    board = bench()
    first(RUBBISH)
    heard: list[dict[str, Any]] = []
    found = esp.run(plan(board.port, attempts=5), heard.append)
    assert (found["chip"], found["flash_bytes"]) == ("esp32", 4 << 20)
    assert [event["event"] for event in heard] == ["found", "done"]


@pytest.mark.parametrize(
    ("code", "last"),
    [
        (b"import os; os._exit(3)", "without a word, exit status 3"),
        (b"import os; os.write(2, b'one\\nno memory \\xff\\n'); os._exit(4)", "no memory \N{REPLACEMENT CHARACTER}"),
        (b"import os; os.close(0); os._exit(0)", "without a word, exit status 0"),
    ],
    ids=["at once", "with a reason", "as if all were well"],
)  # fmt: skip
def test_a_session_that_never_reads_its_plan_is_told(
    code: bytes, last: str, first: Callable[[bytes], None], silent: str
) -> None:
    """The plan is larger than a pipe holds, so that writing it fails."""
    first(code)
    others = {f"24:0a:c4:00:{n >> 8:02x}:{n & 255:02x}": f"plant/n{n}" for n in range(10_000)}
    with pytest.raises(FlashError) as told:
        esp.run(plan(silent, others=others))
    assert str(told.value) == f"{silent}: esptool ended unexpectedly: {last} (nothing was written)"


def test_esptool_s_own_error_is_one_line_with_our_advice_in_the_place_of_its_own(tmp_path: Path) -> None:
    """esptool puts its error on three lines and a hint of its own behind."""
    port = str(tmp_path / "no")
    with pytest.raises(FlashError) as told:
        esp.look(port)
    said = str(told.value)
    assert said.startswith(f"{port}: Could not open {port}, the port is busy or doesn't exist. ([Errno 2] ")
    assert NO_PORT in said
    assert "\n" not in said
    assert "Hint:" not in said


@pytest.mark.parametrize(
    ("said", "told"),
    [
        ("  the moon\n\n is  full\n", "the moon is full"),
        ("No more data to read from the serial port. This can have many causes, for troubleshooting steps visit: "
         "https://example.org/x.html", f"No more data to read from the serial port. This can have many causes. {UNPLUGGED}"),
        ("Odd thing.\nHint: what esptool says of it", "Odd thing. Hint: what esptool says of it"),
    ],
    ids=["unknown", "address", "a hint where we have none"],
)  # fmt: skip
def test_words_are_folded(said: str, told: str) -> None:
    assert explained(said) == told


def test_a_board_that_is_pulled_while_it_is_looked_at() -> None:
    near, far = pty.openpty()
    port = os.ttyname(far)

    def pull() -> None:
        os.read(near, 1)  # esptool has begun
        os.close(far)
        os.close(near)

    puller = threading.Thread(target=pull)
    puller.start()
    with pytest.raises(FlashError) as told:
        esp.look(port)
    puller.join()
    assert UNPLUGGED in str(told.value)
    assert "nothing was written" in str(told.value)
