"""babbitt.toml: what it may say, what is said of what it may not, and who goes before it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from datetime import date
from pathlib import Path

import msgspec
import pytest

from babbitt.errors import SettingsError
from babbitt.settings import TEMPLATE, HostPart, MachinePart, RetentionPart, RoomPart, Settings, find, load
from babbitt.store.writer import StoreWriter

MAIN = [sys.executable, "-c", "from babbitt.cli import main; main()"]


def run(*args: object, code: int = 0, **env: str) -> subprocess.CompletedProcess[str]:
    command = [*MAIN, *(str(arg) for arg in args)]
    wide = os.environ | {"COLUMNS": "300"} | env
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False, env=wide)
    assert done.returncode == code, done.stdout + done.stderr
    return done


def test_an_empty_file_is_all_defaults(tmp_path: Path) -> None:
    (tmp_path / "b.toml").write_text("")
    assert load(tmp_path / "b.toml") == Settings()


def test_rooms_are_by_site_and_node(tmp_path: Path) -> None:
    (tmp_path / "b.toml").write_text(
        '[rooms."hall/room-2"]\ngoods_hours = 2\ngoods_high = -18\ndoor = "!gate"\n'
    )
    assert load(tmp_path / "b.toml").rooms == {
        "hall/room-2": RoomPart(goods_hours=2.0, goods_high=-18.0, door="!gate")
    }


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("goods_hours = 0", "goods_hours: Expected `float` >= 0.05"),
        ('door = "Gate 1"', "door: Expected `str` matching regex"),
        ("goods_hour = 2", "it: Object contains unknown field `goods_hour`"),
        ("goods_low = 2\ngoods_high = 2", "goods_low: must be below goods_high"),
    ],
)
def test_what_a_room_cannot_be_is_said_with_its_name(tmp_path: Path, line: str, said: str) -> None:
    (tmp_path / "b.toml").write_text(f'[rooms."hall/room-2"]\n{line}\n')
    with pytest.raises(SettingsError) as error:
        load(tmp_path / "b.toml")
    assert f'b.toml: [rooms."hall/room-2"] {said}' in str(error.value)
    (tmp_path / "b.toml").write_text("[rooms.hall]\ngoods_hours = 2\n")
    with pytest.raises(SettingsError, match="a room is called SITE/NODE"):
        load(tmp_path / "b.toml")


def test_machines_are_by_site_and_node_with_the_lives_of_others(tmp_path: Path) -> None:
    (tmp_path / "b.toml").write_text(
        '[machines."hall/pump-2"]\nlives_h = [5200, 8100.5, 6900]\nsince = 2026-01-15\n'
    )
    (part,) = load(tmp_path / "b.toml").machines.values()
    assert part == MachinePart(lives_h=[5200.0, 8100.5, 6900.0], since=date(2026, 1, 15))
    assert part.since_ms == 1_768_435_200_000


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("lives_h = [1, 2]\nsince = 2026-01-15", "lives_h: 3 lives are needed, hours each"),
        ("lives_h = [1, 2, 3]", "since: the day it was new is needed"),
        ("lives_h = [1, 2, 0]\nsince = 2026-01-15", "lives_h[2]: Expected `float` > 0.0"),
        ("life_h = [1, 2, 3]", "it: Object contains unknown field `life_h`"),
    ],
)
def test_what_a_machine_cannot_be_is_said_with_its_name(tmp_path: Path, line: str, said: str) -> None:
    (tmp_path / "b.toml").write_text(f'[machines."hall/pump-2"]\n{line}\n')
    with pytest.raises(SettingsError) as error:
        load(tmp_path / "b.toml")
    assert f'b.toml: [machines."hall/pump-2"] {said}' in str(error.value)
    (tmp_path / "b.toml").write_text("[machines.hall]\nlives_h = [1, 2, 3]\n")
    with pytest.raises(SettingsError, match="a machine is called SITE/NODE"):
        load(tmp_path / "b.toml")


def test_paths_are_relative_to_the_file(tmp_path: Path) -> None:
    (tmp_path / "b.toml").write_text(
        '[host]\nstore = "data"\nbroker_ca = "/etc/ca.pem"\n[retention]\nraw = "forever"\n'
    )
    found = load(tmp_path / "b.toml")
    assert (found.host.store, found.host.broker_ca) == (str(tmp_path / "data"), "/etc/ca.pem")
    assert found.retention.as_days() == {
        "raw": None, "minutes": 90, "hours": None, "days": None, "events": None, "assessments": 30, "waveforms": 730,
    }  # fmt: skip


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("[host]\nweb_port = 'x'", r"\[host\] web_port: Expected `int`, got `str`"),
        ("[host]\nweb_port = 70000", r"\[host\] web_port: Expected `int` <= 65535"),
        ("[host]\nwebport = 1", r"unknown field `webport`"),
        ("[hosts]", "unknown field `hosts`"),
        ("[host]\nlog_format = 'xml'", r"\[host\] log_format: Invalid enum value 'xml'"),
        ("[retention]\nraw = 0", r"\[retention\] raw: Expected `int` >= 1"),
        ("[retention]\nraw = 'always'", r"\[retention\] raw: Invalid enum value 'always'"),
        ("host = 1", r"\[host\]: Expected `object`, got `int`"),
        ("[host\n", "no TOML: .*line 1"),
        ("\xff", "no TOML|UTF-8"),
    ],
)
def test_what_cannot_be_is_said_with_its_place(tmp_path: Path, text: str, said: str) -> None:
    (tmp_path / "b.toml").write_bytes(text.encode("latin-1"))
    with pytest.raises(SettingsError, match=f"b.toml.*{said}"):
        load(tmp_path / "b.toml")


def test_a_file_that_was_named_must_be_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BABBITT_CONFIG", str(tmp_path / "no.toml"))
    with pytest.raises(SettingsError, match=r"no.toml is not there: `babbitt init` makes one"):
        load()
    monkeypatch.delenv("BABBITT_CONFIG")
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    assert find().parent.parent == tmp_path or sys.platform != "linux"
    assert load() == Settings()


def test_the_template_says_every_setting_and_each_default(tmp_path: Path) -> None:
    path = tmp_path / "b.toml"
    text = TEMPLATE.format(store='store = "s"', listen="0.0.0.0:1883", web_host="127.0.0.1", web_port=8080)
    path.write_text(text)
    assert load(path).host.listen == "0.0.0.0:1883"
    path.write_text(
        "\n".join(
            line.removeprefix("# ") if " = " in line or line.startswith("# [") else line
            for line in text.replace("SITE/NODE", "hall/freezer").splitlines()
        )
    )
    found = load(path)
    assert found.retention == RetentionPart()
    shown = {"listen", "store"} | {name for name in HostPart.__struct_fields__ if name.startswith("broker")}
    for name, value in msgspec.structs.asdict(found.host).items():
        assert name in shown or value == getattr(HostPart(), name), name
        assert name in text or name in ("analysis", "accept_simulated_time", "broker_cert", "broker_key")


def test_init_writes_what_the_host_then_uses(tmp_path: Path) -> None:
    config = tmp_path / "etc" / "b.toml"
    said = run(
        "--config", config, "init", "--store", tmp_path / "s", "--listen", "127.0.0.1:0", "--web-port", 0
    )
    assert str(config) in said.stdout
    assert "broker.host in their node.json" in said.stdout
    again = run("--config", config, "init", code=1)
    assert "is there already" in again.stderr
    run(
        "--config",
        config,
        "init",
        "--store",
        tmp_path / "s",
        "--force",
        "--listen",
        "127.0.0.1:0",
        "--web-port",
        0,
    )
    StoreWriter(tmp_path / "s").close()
    assert json.loads(run("--config", config, "status", "--json").stdout)["nodes"] == []
    other = run("--config", config, "status", "--store", tmp_path / "other", code=1)
    assert str(tmp_path / "other") in other.stderr
    env = run("--config", config, "status", code=1, BABBITT_STORE=str(tmp_path / "env"))
    assert str(tmp_path / "env") in env.stderr


def test_init_says_what_listens_there_already(tmp_path: Path) -> None:
    import socket

    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        said = run(
            "--config",
            tmp_path / "b.toml",
            "init",
            "--store",
            tmp_path / "s",
            "--listen",
            f"127.0.0.1:{port}",
        )
        found = run(
            "--config",
            tmp_path / "c.toml",
            "init",
            "--store",
            tmp_path / "s",
            "--listen",
            f"127.0.0.1:{port}",
            "--json",
        )
    assert f"the broker cannot listen on 127.0.0.1:{port} now" in said.stdout
    assert json.loads(found.stdout)["port"] == port
    assert len(json.loads(found.stdout)["troubles"]) >= 1


@pytest.mark.part("systemd-analyze")
def test_the_unit_is_one_that_systemd_takes(tmp_path: Path) -> None:
    folder = tmp_path / 'a "strange" 100% folder'
    made = run(
        "--config", folder / "b.toml", "init", "--store", folder / "s", "--service", "systemd", "--json"
    )
    unit = Path(json.loads(made.stdout)["service"])
    done = subprocess.run(
        ["systemd-analyze", "verify", "--man=no", str(unit)],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    complaints = [line for line in done.stderr.splitlines() if "babbitt.service" in line]
    assert (done.returncode, complaints) == (0, [])
    text = unit.read_text()
    assert "Type=notify" in text
    assert r"a \"strange\" 100%% folder/b.toml" in text


def test_the_task_for_windows_is_whole(tmp_path: Path) -> None:
    from xml.etree import ElementTree

    made = run(
        "--config",
        tmp_path / "a & b.toml",
        "init",
        "--store",
        tmp_path / "s",
        "--service",
        "windows",
        "--json",
    )
    path = Path(json.loads(made.stdout)["service"])
    root = ElementTree.fromstring(path.read_text("utf-16"))
    space = {"t": "http://schemas.microsoft.com/windows/2004/02/mit/task"}
    assert root.findtext(".//t:Arguments", namespaces=space) == f'--config "{tmp_path / "a & b.toml"}" host'
    assert root.findtext(".//t:ExecutionTimeLimit", namespaces=space) == "PT0S"


def test_costs_are_of_all_machines_or_of_one(tmp_path: Path) -> None:
    file = tmp_path / "b.toml"
    file.write_text(
        '[costs]\nplanned = 400\nfailure = 2500.5\n[machines."hall/fan"]\nplanned = 1\nfailure = 9\n'
    )
    assert load(file).costs_by_machine() == {"": (400.0, 2500.5), "hall/fan": (1.0, 9.0)}
    file.write_text("[costs]\n")
    assert load(file).costs_by_machine() == {}
    for text, word in (
        ("[costs]\nplanned = 400\n", r"\[costs\]: planned and failure are given together"),
        ("[costs]\nplanned = 4\nfailure = 3\n", r"\[costs\] planned: a planned stop costs no more"),
        ("[costs]\nplanned = 0\nfailure = 3\n", r"\[costs\] planned"),
        ("[machines.fan]\nplanned = 1\nfailure = 3\n", r'\[machines."fan"\]: a machine is called SITE/NODE'),
        ('[machines."hall/fan"]\nfailure = 3\n', r'\[machines."hall/fan"\]: planned and failure'),
    ):
        file.write_text(text)
        with pytest.raises(SettingsError, match=word):
            load(file)


def test_machines_are_by_site_and_node(tmp_path: Path) -> None:
    (tmp_path / "b.toml").write_text(
        '[machines."hall/pump-7"]\nrpm = 1480\nbearing = "6205"\nteeth = "32/80"\nline_hz = 50\npoles = 4\naxial = "z"\n'
    )
    assert load(tmp_path / "b.toml").machines == {
        "hall/pump-7": MachinePart(
            rpm=1480.0, bearing="6205", teeth="32/80", line_hz=50.0, poles=4, axial="z"
        )
    }


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("rpm = 0", "rpm: Expected `float` >= 1.0"),
        ("teeth = 32", "teeth: Expected `str`, got `int`"),
        ("line_hz = 5000", "line_hz: Expected `float` <= 1000.0"),
        ('axial = "a"', "axial: Invalid enum value 'a'"),
        ("poles = 1", "poles: Expected `int` >= 2"),
        ("speed = 2", "it: Object contains unknown field `speed`"),
    ],
)
def test_what_the_facts_of_a_machine_cannot_be_is_said(tmp_path: Path, line: str, said: str) -> None:
    (tmp_path / "b.toml").write_text(f'[machines."hall/pump-7"]\n{line}\n')
    with pytest.raises(SettingsError) as error:
        load(tmp_path / "b.toml")
    assert f'b.toml: [machines."hall/pump-7"] {said}' in str(error.value)
    (tmp_path / "b.toml").write_text("[machines.hall]\nrpm = 2\n")
    with pytest.raises(SettingsError, match="a machine is called SITE/NODE"):
        load(tmp_path / "b.toml")
