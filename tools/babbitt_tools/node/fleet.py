"""A fleet of nodes as a file, and which board becomes which node.

    site = "plant"
    broker = "192.168.1.10"
    wifi = "factory"
    board = "ESP32_GENERIC"

    [nodes.pump-1]
    mac = "24:0a:c4:12:34:56"
    config = "pump.json"

A node with a `mac` gets that board. The others get, in the order of the file, the boards that are left, in the order of
their ports, unless this PC knows them as other nodes.
"""

from __future__ import annotations

import re
import tomllib
from dataclasses import dataclass
from dataclasses import replace as changed
from pathlib import Path
from typing import Any

from babbitt_tools.errors import BoardError
from babbitt_tools.node import boards, bundle, known, settings, upstream
from babbitt_tools.node import ports as there
from babbitt_tools.node.flash import Job
from babbitt_tools.node.ports import Port
from babbitt_tools.node.settings import Answers

ALL = ("site", "broker", "wifi", "user", "server_name", "ntp", "board", "config", "ca")
OWN = (*ALL, "mac", "cert", "key", "wifi_password_file", "password_file")
FILES = ("config", "ca", "cert", "key", "wifi_password_file", "password_file")
MOST = 64
_MAC = re.compile(r"[0-9a-f]{2}(:[0-9a-f]{2}){5}")


@dataclass(frozen=True, slots=True)
class Member:
    """A node of the file: `settings` has the keys of OWN that hold for it."""

    node: str
    settings: dict[str, Any]


def load(path: Path) -> list[Member]:
    """The nodes of a file.

    Raises:
        BoardError: it cannot be read, or says something that makes no sense; the text names the key.
    """
    try:
        document = tomllib.loads(path.read_text("utf-8"))
    except OSError as error:
        raise BoardError(f"{path} cannot be read: {error.strerror}") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise BoardError(f"{path} is no TOML: {error}") from None
    nodes = document.pop("nodes", None)
    if not isinstance(nodes, dict) or not 1 <= len(nodes) <= MOST:
        raise BoardError(f"{path}: needs a table [nodes.NAME] for each node, 1 to {MOST}")
    _known(path, document, ALL, "")
    found = []
    for name, own in nodes.items():
        if not isinstance(own, dict):
            raise BoardError(f"{path}: nodes.{name}: expected a table [nodes.{name}]")
        _known(path, own, OWN, f"nodes.{name}.")
        whole = document | own
        for key in FILES:
            if key in whole:
                whole[key] = path.parent / whole[key]
        if "mac" in whole:
            whole["mac"] = whole["mac"].lower().replace("-", ":")
            if not _MAC.fullmatch(whole["mac"]):
                raise BoardError(
                    f"{path}: nodes.{name}.mac: expected one such as 24:0a:c4:12:34:56, got {own['mac']!r}"
                )
        found.append(Member(name, whole))
    macs = [m.settings["mac"] for m in found if "mac" in m.settings]
    for mac in macs:
        if macs.count(mac) > 1:
            raise BoardError(f"{path}: the mac {mac} is there twice: a board is one node")
    return found


def jobs(
    members: list[Member],
    found: list[Port],
    given: Answers,
    *,
    micropython: Path | None,
    replace: bool,
    baud: int,
) -> tuple[list[Job], list[dict[str, Any]]]:
    """A job for each board that is plugged in, and the node.json of each. Boards are asked for their MAC address first.

    Raises:
        BoardError: no board, fewer boards than nodes need, a board that is not in the file, or settings that make no node.
    """
    macs = {}
    for port in found:
        there.look(port)
        if port.error is not None:
            raise BoardError(f"{port.error}. Nothing was written to any board")
        macs[port.device] = str(port.found["mac"])
    made: list[Job] = []
    documents = []
    images: dict[str, bytes] = {}
    for device, member in pair(members, macs, replace):
        said = member.settings
        what = boards.load(said.get("board", "ESP32_GENERIC"))
        fields = {k: v for k, v in said.items() if k in Answers.__dataclass_fields__}
        answers = changed(given, **fields, node=member.node)
        identity = settings.identity(what, answers)
        if what.name not in images:
            images[what.name] = upstream.take(what, micropython)
        files = bundle.make(
            what,
            node=identity.document,
            config=settings.configuration(what, said["config"]) if "config" in said else None,
            certificates=identity.certificates,
        )
        made.append(Job(device, identity.name, files, images[what.name], macs[device], replace, baud))
        documents.append(identity.document)
    return made, documents


def pair(members: list[Member], macs: dict[str, str], replace: bool) -> list[tuple[str, Member]]:
    """(Port, node) of every board; `macs`: port -> MAC address. A node that this PC knows as another board, which is not plugged in,
    is given away only with `replace`.

    Raises:
        BoardError: no board, one that is no node of the file, or more boards than nodes.
    """
    if not macs:
        raise BoardError("no board is plugged in: `babbitt node ports` lists what is there")
    by_mac = {m.settings["mac"]: m for m in members if "mac" in m.settings}
    remembered = {mac: entry["node"] for mac, entry in known.boards().items()}
    free = [m for m in members if "mac" not in m.settings]
    pairs = []
    left = []
    for port, mac in macs.items():
        again = next((m for m in free if mac in remembered and _is(m, remembered[mac])), None)
        if mac in by_mac:
            pairs.append((port, by_mac[mac]))
        elif again is not None:
            free.remove(again)
            pairs.append((port, again))
        else:
            left.append((port, mac))
    away = [m for m in free if any(_is(m, name) for name in remembered.values())]
    free = [m for m in free if m not in away] + (away if replace else [])
    for port, mac in left:
        if mac in remembered and not replace:
            raise BoardError(
                f"{port}: the board {mac} is {remembered[mac]}, which is not in the file: unplug it, or --replace. Nothing was written"
            )
        if not free:
            others = (
                f" ({', '.join(m.node for m in away)}: other boards, not plugged in; --replace gives them away)"
                if away
                else ""
            )
            raise BoardError(
                f"{port}: there is no node left in the file for the board {mac}{others}: unplug it, or add one. Nothing was written"
            )
        pairs.append((port, free.pop(0)))
    return pairs


def _is(member: Member, name: str) -> bool:
    """Whether the node `name` (SITE/NODE) is this one; where the file says no site, the node's name decides."""
    site, _, node = name.rpartition("/")
    return node == member.node and member.settings.get("site", site) == site


def _known(path: Path, document: dict[str, Any], keys: tuple[str, ...], where: str) -> None:
    for key, value in document.items():
        if key not in keys:
            raise BoardError(
                f"{path}: {where}{key} is unknown; there are {', '.join(keys)}. Secrets do not belong in this file"
            )
        if not isinstance(value, str):
            raise BoardError(f"{path}: {where}{key}: expected a text, got {value!r}")
