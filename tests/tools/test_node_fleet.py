"""A file of nodes says what is wrong with it, and every board becomes the node it should."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from babbitt_tools.errors import BoardError
from babbitt_tools.node import known
from babbitt_tools.node.fleet import ALL, MOST, OWN, Member, load, pair

A, B, C = "24:0a:c4:00:00:0a", "24:0a:c4:00:00:0b", "24:0a:c4:00:00:0c"
PORTS = {"/dev/ttyUSB0": A, "/dev/ttyUSB1": B, "/dev/ttyUSB2": C}
FULL = f"""
site = "plant"
broker = "192.168.1.10"
wifi = "factory"
user = "u"
server_name = "s"
ntp = "t"
board = "ESP32_GENERIC"
config = "all.json"
ca = "/etc/ca.pem"

[nodes.pump-1]
mac = "{A.upper().replace(":", "-")}"
config = "pump.json"
cert = "c.pem"
key = "k.pem"
wifi_password_file = "w"
password_file = "p"

[nodes.pump-2]
"""


@pytest.fixture(autouse=True)
def remembered(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BABBITT_BOARDS", str(tmp_path / "boards.json"))


def file(folder: Path, content: str | bytes) -> Path:
    path = folder / "fleet.toml"
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return path


def members(*nodes: str | tuple[str, str], site: str | None = "plant") -> list[Member]:
    common: dict[str, Any] = {} if site is None else {"site": site}
    return [Member(n, common) if isinstance(n, str) else Member(n[0], common | {"mac": n[1]}) for n in nodes]


def named(pairs: list[tuple[str, Member]]) -> dict[str, str]:
    return {port[-1]: member.node for port, member in pairs}


def test_all_that_can_be_said(tmp_path: Path) -> None:
    one, two = load(file(tmp_path, FULL))
    assert set(one.settings) == set(OWN)
    assert set(two.settings) == set(ALL)
    assert (one.node, two.node) == ("pump-1", "pump-2")
    assert one.settings["mac"] == A
    assert one.settings["config"] == tmp_path / "pump.json"
    assert two.settings["config"] == tmp_path / "all.json"
    assert one.settings["key"] == tmp_path / "k.pem"
    assert one.settings["ca"] == Path("/etc/ca.pem"), "a path that is whole stays"
    assert one.settings["board"] == two.settings["board"] == "ESP32_GENERIC"


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ("", r"needs a table \[nodes.NAME\] for each node, 1 to 64"),
        ("[nodes]", r"needs a table \[nodes.NAME\]"),
        ("nodes = 5", r"needs a table \[nodes.NAME\]"),
        ("[[nodes]]\nmac = 'a'", r"needs a table \[nodes.NAME\]"),
        ("".join(f"[nodes.n{n}]\n" for n in range(MOST + 1)), "1 to 64"),
        ("[nodes]\na = 5", r"nodes.a: expected a table \[nodes.a\]"),
        ("sites = 'a'\n[nodes.a]", "sites is unknown; there are site, .*Secrets do not belong"),
        (f"mac = '{A}'\n[nodes.a]", "mac is unknown"),
        ("site = 5\n[nodes.a]", "site: expected a text, got 5"),
        ("[nodes.a]\nbroker = ['b']", r"nodes.a.broker: expected a text, got \['b'\]"),
        ("[nodes.a]\nnode = 'b'", "nodes.a.node is unknown"),
        ("[nodes.a]\n[nodes.a.wifi]\nssid = 'x'", "nodes.a.wifi: expected a text"),
        ("[nodes.a]\nmac = '24:0a:c4:12:34'", "nodes.a.mac: expected one such as .*got '24:0a:c4:12:34'"),
        ("[nodes.a]\nmac = ''", "nodes.a.mac: expected one such as"),
        ("[nodes.a]\nmac = '24:0a:c4:12:34:5g'", "nodes.a.mac: expected"),
        (
            f"[nodes.a]\nmac = '{A}'\n[nodes.b]\nmac = '{A.upper()}'",
            f"the mac {A} is there twice: a board is one node",
        ),
        ("[nodes.a", "is no TOML"),
        ("[nodes.a]\n[nodes.a]", "is no TOML"),
        (b"\xff\xfe", "is no TOML"),
    ],
)
def test_what_makes_no_sense_is_named(content: str | bytes, words: str, tmp_path: Path) -> None:
    path = file(tmp_path, content)
    with pytest.raises(BoardError, match=words) as caught:
        load(path)
    assert str(caught.value).startswith(str(path))


@pytest.mark.parametrize("key", ["password", "wifi_password"])
def test_a_secret_in_the_file_is_refused_and_not_repeated(key: str, tmp_path: Path) -> None:
    for content in (f"{key} = 'correct horse'\n[nodes.a]", f"[nodes.a]\n{key} = 'correct horse'"):
        with pytest.raises(
            BoardError, match=f"{key} is unknown.*Secrets do not belong in this file"
        ) as caught:
            load(file(tmp_path, content))
        assert "horse" not in str(caught.value)


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(BoardError, match=r"nowhere\.toml cannot be read: No such file"):
        load(tmp_path / "nowhere.toml")


def test_a_mac_decides_and_the_others_go_by_order() -> None:
    nodes = members("one", ("two", A), "three")
    assert named(pair(nodes, PORTS, False)) == {"0": "two", "1": "one", "2": "three"}
    swapped = {"/dev/ttyUSB0": C, "/dev/ttyUSB1": B, "/dev/ttyUSB2": A}
    assert named(pair(nodes, swapped, False)) == {"2": "two", "0": "one", "1": "three"}
    assert named(pair(nodes, {"/dev/ttyUSB5": A}, False)) == {"5": "two"}, "not all have to be there"


def test_a_board_that_is_known_stays_what_it_is() -> None:
    nodes = members("one", "two", "three")
    assert named(pair(nodes, PORTS, False)) == {"0": "one", "1": "two", "2": "three"}
    known.remember(A, "plant/three", "virtual", "1")
    known.remember(C, "plant/one", "virtual", "1")
    assert named(pair(nodes, PORTS, False)) == {"0": "three", "1": "two", "2": "one"}
    assert named(pair(nodes, PORTS, True)) == {"0": "three", "1": "two", "2": "one"}


def test_a_node_of_the_same_name_at_another_site_is_another_node() -> None:
    known.remember(B, "other/one", "virtual", "1")
    with pytest.raises(BoardError, match=rf"ttyUSB1: the board {B} is other/one, which is not in the file"):
        pair(members("one", "two", "three"), PORTS, False)
    assert named(pair(members("one", "two", "three"), PORTS, True)) == {"0": "one", "1": "two", "2": "three"}
    without = members("one", "two", "three", site=None)  # --site says it
    assert named(pair(without, PORTS, False)) == {"1": "one", "0": "two", "2": "three"}


def test_a_new_board_does_not_become_a_node_that_runs_elsewhere() -> None:
    """Two nodes were made yesterday and hang at their machines; today a third board is plugged in alone."""
    known.remember(A, "plant/one", "virtual", "1")
    known.remember(B, "plant/two", "virtual", "1")
    nodes = members("one", "two", "three")
    assert named(pair(nodes, {"/dev/ttyUSB0": C}, False)) == {"0": "three"}
    with pytest.raises(
        BoardError, match=r"\(one, two: other boards, not plugged in; --replace gives them away\)"
    ):
        pair(nodes[:2], {"/dev/ttyUSB0": C}, False)
    assert named(pair(nodes[:2], {"/dev/ttyUSB0": C}, True)) == {"0": "one"}


def test_a_board_that_is_no_node_of_the_file() -> None:
    known.remember(B, "plant/gone", "virtual", "1")
    with pytest.raises(
        BoardError, match=r"plant/gone, which is not in the file: unplug it, or --replace. Nothing"
    ):
        pair(members("one", "two", "three"), PORTS, False)
    assert named(pair(members("one", "two", "three"), PORTS, True)) == {"0": "one", "1": "two", "2": "three"}


@pytest.mark.parametrize("nodes", [members("one", "two"), members(("one", A), ("two", B)), members()])
def test_more_boards_than_nodes(nodes: list[Member]) -> None:
    with pytest.raises(
        BoardError, match=r"ttyUSB\d: there is no node left in the file for the board .*Nothing was"
    ):
        pair(nodes, PORTS, False)


def test_no_board() -> None:
    with pytest.raises(BoardError, match=r"no board is plugged in: `babbitt node ports`"):
        pair(members("one"), {}, False)


def test_a_damaged_memory_stops_it(tmp_path: Path) -> None:
    (tmp_path / "boards.json").write_text(json.dumps({A: {"board": "virtual"}}))
    with pytest.raises(BoardError, match=r"boards\.json is damaged"):
        pair(members("one"), PORTS, False)
