"""Who a node is: node.json and the certificates it names, made of answers, and checked by the node's own rules.

A secret comes from a file, the environment or a prompt, never from the command line, which others can read and the
shell remembers.
"""

from __future__ import annotations

import getpass
import json
import os
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import serialization

from babbitt.acquisition.address import split_address
from babbitt.errors import BrokerError
from babbitt_node.config import validate, validate_node
from babbitt_node.errors import ConfigError
from babbitt_tools.errors import BoardError
from babbitt_tools.node.boards import Board

WIFI_SECRET, BROKER_SECRET = "BABBITT_WIFI_PASSWORD", "BABBITT_NODE_PASSWORD"
_asked: dict[str, str] = {}  # what a person typed in this command: asked once for a whole fleet
CA, CERT, KEY = "ca.der", "node.der", "node.key.der"


@dataclass(frozen=True, slots=True)
class Answers:
    """What makes a node.json; None: not given. `broker` is HOST or HOST:PORT; the files are PEM or DER."""

    site: str | None = None
    node: str | None = None
    broker: str | None = None
    wifi: str | None = None
    wifi_password_file: Path | None = None
    user: str | None = None
    password_file: Path | None = None
    ca: Path | None = None
    cert: Path | None = None
    key: Path | None = None
    server_name: str | None = None
    ntp: str | None = None

    @property
    def nothing(self) -> bool:
        """Whether not a single one is given."""
        return all(getattr(self, name) is None for name in self.__dataclass_fields__)


@dataclass(frozen=True, slots=True)
class Identity:
    """`document` of node.json, and the `certificates` it names (file name: DER)."""

    document: dict[str, Any] = field(repr=False)  # it has passwords
    certificates: dict[str, bytes] = field(repr=False)  # it has a private key

    @property
    def name(self) -> str:
        """SITE/NODE."""
        return f"{self.document['site']}/{self.document['node']}"


def identity(board: Board, answers: Answers, before: Mapping[str, Any] | None = None) -> Identity:
    """The settings of a node on `board`; what is not given is taken from `before`, a node.json.

    Raises:
        BoardError: something needed is not given, a file cannot be used, or the node would refuse it; the text says which
            option.
    """
    document: dict[str, Any] = json.loads(json.dumps(before or {}))
    for key in ("wifi", "broker"):
        if not isinstance(document.get(key, {}), dict):  # what stands there is of no use, and may be a secret
            del document[key]
    for key, option, value in (("site", "--site", answers.site), ("node", "--node", answers.node)):
        if value is not None:
            document[key] = value
        elif key not in document:
            raise BoardError(f"the node needs a name for its {key}: give {option}")
    _wifi(board, document, answers)
    certificates = _broker(document, answers)
    if answers.ntp is not None:
        document["ntp"] = {"host": answers.ntp}
    if document["broker"].get("tls") and not document.get("ntp"):
        raise BoardError("TLS needs the time before it can check a certificate: give --ntp, a time server")
    try:
        validate_node(document, board.has_wifi)
    except ConfigError as error:
        raise BoardError(f"node.json: {error.path}: {error.reason}") from None
    return Identity(document, certificates)


def configuration(board: Board, path: Path) -> dict[str, Any]:
    """A config.json, checked as the node on `board` will. Raises BoardError, which names the path in it."""
    try:
        document = json.loads(path.read_text("utf-8"))
    except OSError as error:
        raise BoardError(f"{path} cannot be read: {error.strerror}") from None
    except ValueError as error:
        raise BoardError(f"{path} is no JSON: {error}") from None
    if isinstance(document, dict) and "config" in document:
        document = document["config"]
    try:
        validate(document, {key: bus["type"] for key, bus in board.own["buses"].items()})
    except ConfigError as error:
        raise BoardError(f"{path}: {error.path or 'the document'}: {error.reason}") from None
    made: dict[str, Any] = document
    return made


def secret(what: str, file: Path | None, variable: str) -> str:
    """A secret from a file, whose only line it is, the environment or a prompt.

    Raises:
        BoardError: there is none of them, or the file cannot be used.
    """
    if file is not None:
        try:
            text = file.read_text("utf-8").rstrip("\r\n")
        except OSError as error:
            raise BoardError(f"{file} cannot be read: {error.strerror}") from None
        except UnicodeDecodeError:
            raise BoardError(f"{file} is no text (UTF-8): expected the secret as its only line") from None
        if "\n" in text:
            raise BoardError(f"{file} has several lines: expected the secret as its only line")
        return text
    if (value := os.environ.get(variable)) is not None:
        return value
    if what in _asked:
        return _asked[what]
    if not sys.stdin.isatty():
        raise BoardError(f"{what} is needed: give a file with it, or the environment variable {variable}")
    _asked[what] = getpass.getpass(f"{what}: ")
    return _asked[what]


def redacted(document: Mapping[str, Any]) -> dict[str, Any]:
    """A node.json that may be shown: every `password` that is not empty is `***`."""
    shown: dict[str, Any] = {}
    for key, value in document.items():
        if key == "password" and value:
            shown[key] = "***"
        else:
            shown[key] = redacted(value) if isinstance(value, Mapping) else value
    return shown


def _wifi(board: Board, document: dict[str, Any], answers: Answers) -> None:
    if not board.has_wifi:
        document.pop("wifi", None)
        return
    if answers.wifi is not None:
        password = secret(f"Password of the Wi-Fi {answers.wifi}", answers.wifi_password_file, WIFI_SECRET)
        document["wifi"] = {"ssid": answers.wifi, "password": password}
    elif answers.wifi_password_file is not None and "wifi" in document:
        document["wifi"]["password"] = secret("Wi-Fi", answers.wifi_password_file, WIFI_SECRET)
    elif "wifi" not in document:
        raise BoardError(f"{board.name} is on the network by Wi-Fi: give --wifi, its name")


def _broker(document: dict[str, Any], answers: Answers) -> dict[str, bytes]:
    broker: dict[str, Any] = document.setdefault("broker", {})
    if answers.broker is not None:
        broker.pop("port", None)
        if "://" in answers.broker:
            raise BoardError(
                f"--broker: {answers.broker!r}: give HOST or HOST:PORT; --ca is what makes it TLS"
            )
        if ":" in answers.broker:
            try:
                broker["host"], broker["port"] = split_address(answers.broker)
            except BrokerError as error:
                raise BoardError(f"--broker: {error}") from None
        else:
            broker["host"] = answers.broker
    elif "host" not in broker:
        raise BoardError("the node needs the address of its broker: give --broker HOST or HOST:PORT")
    if answers.user is not None:
        broker["user"] = answers.user
        broker["password"] = secret(
            f"Password of {answers.user} at the broker", answers.password_file, BROKER_SECRET
        )
    elif answers.password_file is not None:
        if not broker.get("user"):
            raise BoardError("--password-file is the password of a login: give --user")
        broker["password"] = secret("Password at the broker", answers.password_file, BROKER_SECRET)
    certificates: dict[str, bytes] = {}
    if answers.ca is not None:
        certificates[CA] = _certificate(answers.ca)
        broker["tls"] = {**(broker.get("tls") or {}), "ca": CA}
    if (answers.cert is None) != (answers.key is None):
        raise BoardError("--cert and --key belong together: give both or none")
    if answers.cert is not None and answers.key is not None:
        if not broker.get("tls"):
            raise BoardError("a certificate of the node's own needs --ca, that of the authority")
        certificates[CERT], certificates[KEY] = _certificate(answers.cert), _key(answers.key)
        if _public_of_certificate(certificates[CERT]) != _public_of_key(certificates[KEY]):
            raise BoardError(f"{answers.key} is not the key of the certificate {answers.cert}")
        broker["tls"] |= {"cert": CERT, "key": KEY}
    if answers.server_name is not None:
        if not broker.get("tls"):
            raise BoardError("--server-name needs --ca")
        broker["tls"]["server_name"] = answers.server_name
    return certificates


def _bytes(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise BoardError(f"{path} cannot be read: {error.strerror}") from None


def _certificate(path: Path) -> bytes:
    data = _bytes(path)
    try:
        load = x509.load_pem_x509_certificate if b"-----BEGIN" in data else x509.load_der_x509_certificate
        return load(data).public_bytes(serialization.Encoding.DER)
    except ValueError:  # its text is of no help, and the file may be a key
        raise BoardError(f"{path} is no certificate (PEM or DER)") from None


def _public_of_certificate(der: bytes) -> bytes:
    return _public(x509.load_der_x509_certificate(der).public_key())


def _public_of_key(der: bytes) -> bytes:
    return _public(serialization.load_der_private_key(der, None).public_key())


def _public(key: Any) -> bytes:
    made: bytes = key.public_bytes(
        serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    return made


def _key(path: Path) -> bytes:
    data = _bytes(path)
    try:
        load = (
            serialization.load_pem_private_key
            if b"-----BEGIN" in data
            else serialization.load_der_private_key
        )
        key = load(data, None)
    except (ValueError, TypeError, UnsupportedAlgorithm):
        raise BoardError(f"{path} is no private key without a pass phrase (PEM or DER)") from None
    return key.private_bytes(
        serialization.Encoding.DER,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
