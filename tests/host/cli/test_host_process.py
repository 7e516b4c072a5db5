"""The host as a service sees it: ready, alive, its log in JSON, its end."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest

from babbitt.cli.notify import Notifier
from babbitt.service import Host

MAIN = [sys.executable, "-c", "from babbitt.cli import main; main()"]


def heard(listener: socket.socket, wanted: str) -> None:
    end = time.monotonic() + 30
    while time.monotonic() < end:
        if listener.recv(100).decode() == wanted:
            return
    pytest.fail(f"{wanted} was not said")


@pytest.mark.skipif(sys.platform == "win32", reason="systemd is of Linux")
def test_the_service_manager_is_told_and_the_log_is_json(tmp_path: Path) -> None:
    path = tmp_path / "notify"
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as listener:
        listener.bind(str(path))
        listener.settimeout(30)
        env = os.environ | {"NOTIFY_SOCKET": str(path), "WATCHDOG_USEC": "600000"}
        options = [
            "--store",
            str(tmp_path / "s"),
            "--listen",
            "127.0.0.1:0",
            "--no-web",
            "--log-format",
            "json",
            "-v",
        ]
        process = subprocess.Popen(
            [*MAIN, "host", *options], stderr=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=env
        )
        try:
            heard(listener, "READY=1")
            heard(listener, "WATCHDOG=1")
            heard(listener, "WATCHDOG=1")
            process.send_signal(signal.SIGTERM)
            heard(listener, "STOPPING=1")
            out, err = process.communicate(timeout=30)
        finally:
            if process.poll() is None:
                process.kill()
    assert process.returncode == 0, err
    lines = [json.loads(line) for line in err.splitlines()]
    assert lines
    assert {"t", "level", "logger", "thread", "message"} <= set(lines[0])
    assert any("connected to the broker" in line["message"] for line in lines)
    assert "Stopped." in out


def test_no_sign_of_life_is_given_when_the_ingest_hangs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with Host(tmp_path / "s", broker_listen="127.0.0.1:0", analysis=False) as host:
        assert host.stuck() == ""
        monkeypatch.setattr("babbitt.service.STUCK_S", -1.0)
        stuck = host.stuck()
    assert "the ingest has not gone on" in stuck
    path = tmp_path / "notify"
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as listener:
        listener.bind(str(path))
        listener.settimeout(0.2)
        monkeypatch.setenv("NOTIFY_SOCKET", str(path))
        monkeypatch.setenv("WATCHDOG_USEC", "1")
        Notifier().alive(stuck)
        with pytest.raises(TimeoutError):
            listener.recv(100)
        Notifier().alive("")
        assert listener.recv(100) == b"WATCHDOG=1"


def test_a_log_line_has_the_traceback_in_it(capsys: pytest.CaptureFixture[str]) -> None:
    import logging

    from babbitt.cli.logs import JsonFormatter

    try:
        raise ValueError("a\nb")
    except ValueError:
        record = logging.getLogger("x").makeRecord(
            "x", logging.ERROR, __file__, 1, "it %s", ("failed",), sys.exc_info()
        )
    line = JsonFormatter().format(record)
    assert "\n" not in line
    said = json.loads(line)
    assert (said["level"], said["message"]) == ("error", "it failed")
    assert "ValueError: a\nb" in said["error"]
