"""Findings, and all kinds of them."""

from __future__ import annotations

from dataclasses import dataclass

FAULT, WARNING = "fault", "warning"

KINDS: dict[str, tuple[str, str]] = {
    "settings-invalid": (FAULT, "correct that line of the settings; docs/operations.md lists all of them"),
    "store-missing": (WARNING, "start the host, which makes it; or name the right folder with --store"),
    "store-version": (FAULT, "use the program that wrote it, or a newer one"),
    "store-unwritable": (
        FAULT, "give the user that runs the host the right to write there, and see that the disk is not mounted read-only",
    ),
    "store-unreadable": (FAULT, "run this as the user that runs the host, or give this one the right to read it"),
    "store-damaged": (FAULT, "end the host and run `babbitt store verify`; then restore the newest backup"),
    "disk-low": (FAULT, "make room, or keep less ([retention] in the settings); nodes keep what the host cannot store"),
    "host-not-running": (WARNING, "start it: `babbitt host`, or the service that `babbitt init --service` makes"),
    "port-taken": (FAULT, "end the program that listens there, or choose another port in the settings"),
    "listens-only-here": (
        WARNING, "set listen = \"0.0.0.0:1883\" in the settings if nodes are to reach this PC over the network",
    ),
    "broker-unreachable": (FAULT, "is it running, is the address right, does a firewall stand between?"),
    "broker-tls": (FAULT, "`babbitt broker config` makes certificates that fit; broker_ca names the authority's file"),
    "broker-refuses": (FAULT, "compare broker_user and the password file with the broker's logins"),
    "broker-rights": (
        FAULT, "the host must write babbitt/1/+/+/cmd and read all nodes, messages up to 8 KB: `babbitt broker config`",
    ),
    "broker-open": (WARNING, "have the broker refuse clients without a login (allow_anonymous false)"),
    "host-clock": (FAULT, "set this PC's clock, and have it follow a time server (NTP)"),
    "node-clock": (WARNING, "give the node a time server it can reach (`ntp` in its node.json)"),
    "node-silent": (WARNING, "look for its power, its Wi-Fi and its broker.host; docs/operations.md, 'A node is offline'"),
    "node-unborn": (WARNING, "it sends records and never said who it is: restart it, update its firmware"),
    "same-name": (FAULT, "two boards use one name: give one of them another `node` in its node.json"),
    "sensor-fault": (WARNING, "look at the sensor and its wiring; the error's name is explained in docs/operations.md"),
    "config-refused": (WARNING, "correct the configuration and send it again: `babbitt desired`"),
    "checks-differ": (WARNING, "compare its firmware and configuration with what its birth says; the board may be damaged"),
    "spool-full": (WARNING, "the host was away for longer than the node's flash lasts; keep the host running"),
    "messages-refused": (WARNING, "`babbitt quarantine` shows them; update the firmware, or find out who sends them"),
    "records-missing": (FAULT, "`babbitt ledger` names them; was a node's flash erased while it still had records?"),
    "history-stuck": (FAULT, "see the host's log; the records are safe in the store's own database meanwhile"),
}  # fmt: skip
"""How bad each is, and what to do."""


@dataclass(frozen=True, slots=True)
class Finding:
    """Something that is wrong. ``code`` is one of :data:`KINDS`; ``where`` names the part, ``what`` says it in words."""

    code: str
    level: str
    where: str
    what: str
    do: str


def finding(code: str, where: str, what: str) -> Finding:
    """A finding of a kind."""
    level, todo = KINDS[code]
    return Finding(code, level, where, what, todo)
