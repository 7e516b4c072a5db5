"""`babbitt doctor` as a user runs it, and what it says of the place."""

from __future__ import annotations

import json
import os
import shutil
import socket
import sqlite3
import subprocess
import sys
import tempfile
from collections import namedtuple
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from babbitt.doctor import finding, place
from babbitt.service import Host
from babbitt.settings import HostPart
from babbitt.store import schema
from babbitt.store.writer import StoreWriter

MAIN = [sys.executable, "-c", "from babbitt.cli import main; main()"]


def run(*args: object, code: int) -> subprocess.CompletedProcess[str]:
    command = [*MAIN, *(str(arg) for arg in args)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=90, check=False)
    assert done.returncode == code, done.stdout + done.stderr
    return done


def codes(*args: object, code: int) -> set[str]:
    return {one["code"] for one in json.loads(run(*args, "--json", code=code).stdout)}


def of_store(folder: Path) -> set[str]:
    return {one.code for one in place.store(folder)}


@contextmanager
def somebody() -> Iterator[None]:
    """Without the rights of root, which may write anywhere."""
    if os.geteuid() == 0:
        os.seteuid(65534)
        try:
            yield
        finally:
            os.seteuid(0)
    else:
        yield


def test_settings_that_cannot_be(tmp_path: Path) -> None:
    (tmp_path / "b.toml").write_text("[host]\nlisten = 5\n")
    said = run("--config", tmp_path / "b.toml", "doctor", code=1)
    assert "FAULT settings-invalid" in said.stdout
    assert "[host] listen: Expected `str`, got `int`" in said.stdout
    assert "What to do:" in said.stdout


def test_before_the_first_start_and_while_a_host_runs(tmp_path: Path) -> None:
    assert codes("doctor", "--store", tmp_path / "s", code=0) >= {"store-missing", "host-not-running"}
    with Host(tmp_path / "s", broker_listen="127.0.0.1:0", analysis=False) as host:
        assert host.listening(10)
        said = run("doctor", "--store", tmp_path / "s", code=0)
        assert codes("doctor", "--store", tmp_path / "s", code=0) == {"listens-only-here"}
    assert "WARNING listens-only-here" in said.stdout


def test_a_host_that_others_can_reach_and_nothing_wrong(tmp_path: Path) -> None:
    with Host(tmp_path / "s", broker_listen="0.0.0.0:0", analysis=False) as host:
        assert host.listening(10)
        said = run("doctor", "--store", tmp_path / "s", code=0)
    assert said.stdout == "Nothing is wrong that can be seen from here.\n"


def test_a_port_that_is_taken(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        found = list(place.host(tmp_path, HostPart(listen=f"127.0.0.1:{port}", web_port=0)))
        assert [one.where for one in found if one.code == "port-taken"] == [f"127.0.0.1:{port}"]
        found = list(place.host(tmp_path, HostPart(listen="0.0.0.0:0", web_port=port)))
        assert [one.where for one in found if one.code == "port-taken"] == [f"127.0.0.1:{port}"]


def test_the_broker_of_the_settings_is_tried(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]
    (tmp_path / "b.toml").write_text(f'[host]\nbroker = "127.0.0.1:{port}"\n')
    assert "broker-unreachable" in codes(
        "--config", tmp_path / "b.toml", "doctor", "--store", tmp_path / "s", code=1
    )
    (tmp_path / "b.toml").write_text('[host]\nbroker = "nonsense"\n')
    assert "settings-invalid" in codes(
        "--config", tmp_path / "b.toml", "doctor", "--store", tmp_path / "s", code=1
    )


def test_a_store_that_is_newer_damaged_or_full(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    StoreWriter(tmp_path / "s").close()
    assert of_store(tmp_path / "s") == set()
    usage = namedtuple("usage", "total used free")
    monkeypatch.setattr(shutil, "disk_usage", lambda _: usage(10**9, 10**9, 10**6))
    assert of_store(tmp_path / "s") == {"disk-low"}
    monkeypatch.undo()
    with sqlite3.connect(tmp_path / "s" / schema.FILE) as conn:
        conn.execute("PRAGMA user_version=99")
    conn.close()
    assert of_store(tmp_path / "s") == {"store-version"}
    StoreWriter(tmp_path / "t").close()
    path = tmp_path / "t" / schema.FILE
    raw = bytearray(path.read_bytes())
    raw[4096 : 4096 + 20_000] = bytes(20_000)
    path.write_bytes(raw)
    assert of_store(tmp_path / "t") == {"store-damaged"}
    path.write_bytes(b"no database at all" * 1000)
    assert of_store(tmp_path / "t") == {"store-damaged"}


def test_a_folder_that_cannot_be_written_or_read() -> None:
    with tempfile.TemporaryDirectory() as name:
        Path(name).chmod(0o755)
        store = Path(name) / "s"
        StoreWriter(store).close()
        store.chmod(0o555)
        with somebody():
            assert "store-unwritable" in of_store(store)
        store.chmod(0o700 if os.geteuid() == 0 else 0)
        with somebody():
            found = list(place.store(store))
        store.chmod(0o755)
    assert any("Permission denied" in one.what for one in found)
    assert found[0].code == "store-unreadable"


def test_every_kind_of_finding_is_produced_in_a_test() -> None:
    here = Path(__file__).resolve()
    text = "".join(path.read_text() for path in here.parents[1].rglob("test_doctor*.py"))
    assert [code for code in finding.KINDS if f'"{code}"' not in text and f" {code}" not in text] == []
