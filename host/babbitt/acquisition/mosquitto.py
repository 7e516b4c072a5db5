"""A configuration of Mosquitto for production: queues that do not lose, logins, rights, TLS.

Mosquitto's defaults drop what is queued for a host that is away beyond a thousand messages. A node may write its own
topics and read what is for it, no more; the host reads all nodes and writes what is for them. Passwords are kept
as Mosquitto keeps them (PBKDF2 of SHA-512); in clear they are in one file a login, for the node's configuration,
readable for the owner alone. Made again, secrets that are there stay, and new nodes get theirs.
"""

from __future__ import annotations

import base64
import hashlib
import os
import re
import secrets
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from babbitt.errors import BrokerError

ROUNDS = 10_000
HOST = "babbitt-host"
_NODE = re.compile(r"[a-z0-9-]{1,32}/[a-z0-9-]{1,32}")
_UP = ("birth", "state", "data", "event", "reported", "ack")
_DOWN = ("commit", "desired", "cmd")
_CONF = """# Made by `babbitt broker config`; make it again instead of editing it.
per_listener_settings false
listener {port}
allow_anonymous false
password_file {folder}/passwords
acl_file {folder}/rights
{tls}
# What is queued for a host that is away is not dropped, and it is sent without a pause when it is back.
max_inflight_messages 0
max_queued_messages 0
max_queued_bytes {queued}
persistent_client_expiration 30d
max_packet_size 32768
max_keepalive 600

persistence true
persistence_location {folder}/data/
autosave_interval 60

set_tcp_nodelay true
log_dest stderr
log_type error
log_type warning
"""
_TLS = (
    "cafile {folder}/ca.pem\ncertfile {folder}/server.pem\nkeyfile {folder}/server.key\ntls_version tlsv1.2\n"
)


@dataclass(frozen=True, slots=True)
class Made:
    """What was made: the configuration, the port, and the logins that are new."""

    config: Path
    port: int
    new: tuple[str, ...]


def make(
    folder: Path, nodes: Sequence[str], names: Sequence[str], port: int, tls: bool, queued: int = 2**30
) -> Made:
    """Write the configuration into ``folder``. ``nodes`` are ``site/node``, ``names`` the names and addresses that
    nodes know the broker by. Raises BrokerError."""
    for node in nodes:
        if not _NODE.fullmatch(node):
            raise BrokerError(f"{node!r} is no site/node: each is 1 to 32 of a-z, 0-9 and -")
    folder = folder.absolute()
    try:
        for part in (folder, folder / "logins", folder / "data"):
            part.mkdir(parents=True, exist_ok=True, mode=0o700)
        new = tuple(_login(folder, login) for login in _logins(nodes) if not _file(folder, login).exists())
        known = sorted(path.name.replace("_", "/") for path in (folder / "logins").iterdir())
        everyone = [login for login in known if login != HOST]
        _write(folder / "passwords", "".join(_hashed(folder, login) for login in known), 0o600)
        _write(folder / "rights", _rights(everyone), 0o600)
        if tls:
            _certificates(folder, names)
        conf = _CONF.format(
            port=port, folder=folder, queued=queued, tls=_TLS.format(folder=folder) if tls else ""
        )
        _write(folder / "mosquitto.conf", conf, 0o644)
    except OSError as error:
        raise BrokerError(f"{folder} cannot be written: {error.strerror or error}") from error
    return Made(folder / "mosquitto.conf", port, new)


def _logins(nodes: Sequence[str]) -> list[str]:
    return [HOST, *dict.fromkeys(nodes)]


def _file(folder: Path, login: str) -> Path:
    return folder / "logins" / login.replace("/", "_")


def _login(folder: Path, login: str) -> str:
    _write(_file(folder, login), secrets.token_urlsafe(24) + "\n", 0o600)
    return login


def _hashed(folder: Path, login: str) -> str:
    """A line of the password file; the same one as long as the password is."""
    password = _file(folder, login).read_text("utf-8").strip()
    salt = hashlib.sha256(f"{login}:{password}".encode()).digest()[:12]
    digest = hashlib.pbkdf2_hmac("sha512", password.encode(), salt, ROUNDS)
    return (
        f"{_user(login)}:$7${ROUNDS}${base64.b64encode(salt).decode()}${base64.b64encode(digest).decode()}\n"
    )


def _user(login: str) -> str:
    return login.replace("/", ".")


def _rights(nodes: Sequence[str]) -> str:
    lines = ["# The host hears all nodes and speaks to them.", f"user {HOST}"]
    lines += [f"topic read babbitt/+/+/+/{kind}" for kind in (*_UP, "wave/+")]
    lines += [f"topic readwrite babbitt/1/+/+/{kind}" for kind in _DOWN]
    lines += ["topic write babbitt/1/+/$host", "topic write babbitt/1/+/+/update/+"]
    for node in nodes:
        root = f"babbitt/1/{node}/"
        lines += ["", f"user {_user(node)}"]
        lines += [f"topic write {root}{kind}" for kind in (*_UP, "wave/+")]
        lines += [f"topic read {root}{kind}" for kind in (*_DOWN, "update/+")]
        lines.append(f"topic read babbitt/1/{node.partition('/')[0]}/$host")
    return "\n".join(lines) + "\n"


def _certificates(folder: Path, names: Sequence[str]) -> None:
    """An authority of one's own, once, and a certificate of the broker for its names."""
    curve = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes"]
    if not (folder / "ca.key").exists():
        _openssl(
            folder, "req", "-x509", *curve, "-keyout", "ca.key", "-out", "ca.pem", "-subj", "/CN=Babbitt plant authority",
            "-days", "7300", "-addext", "keyUsage=critical,keyCertSign",
        )  # fmt: skip
    kinds = [
        f"IP:{name}" if re.fullmatch(r"[0-9.]+|[0-9a-f:]+:[0-9a-f:]*", name) else f"DNS:{name}"
        for name in names
    ]
    _write(folder / "server.ext", f"subjectAltName={','.join(kinds)}\n", 0o600)
    _openssl(
        folder,
        "req",
        "-new",
        *curve,
        "-keyout",
        "server.key",
        "-out",
        "server.csr",
        "-subj",
        f"/CN={names[0]}",
    )
    _openssl(
        folder, "x509", "-req", "-in", "server.csr", "-CA", "ca.pem", "-CAkey", "ca.key", "-CAcreateserial",
        "-days", "825", "-extfile", "server.ext", "-out", "server.pem",
    )  # fmt: skip
    for name in ("ca.key", "server.key"):
        (folder / name).chmod(0o600)
    for name in ("server.csr", "server.ext"):
        (folder / name).unlink()


def _openssl(folder: Path, *arguments: str) -> None:
    try:
        done = subprocess.run(
            ["openssl", *arguments], cwd=folder, capture_output=True, text=True, check=False
        )
    except FileNotFoundError as error:
        raise BrokerError("certificates are made by the openssl command: apt-get install openssl") from error
    if done.returncode:
        raise BrokerError(f"openssl {arguments[0]} failed: {done.stderr.strip().splitlines()[-1:]}")


def _write(path: Path, text: str, mode: int) -> None:
    """Write a file that appears whole, and is never readable for others than it should be."""
    partial = path.with_name(path.name + ".new")
    partial.unlink(missing_ok=True)
    with os.fdopen(
        os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode), "w", encoding="utf-8"
    ) as file:
        file.write(text)
    partial.replace(path)
