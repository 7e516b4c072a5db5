"""Where a broker is, and how it lets one in: address, TLS, login."""

from __future__ import annotations

import ssl
from dataclasses import dataclass, field
from pathlib import Path

from babbitt.errors import BrokerError


@dataclass(frozen=True, slots=True)
class Tls:
    """Files (PEM) for TLS: the authority that signed the broker's certificate (None: those of the system), and a
    certificate of one's own with its key. The broker's name and dates are always checked."""

    ca: Path | None = None
    cert: Path | None = None
    key: Path | None = None

    def context(self) -> ssl.SSLContext:
        """What a connection needs. Raises BrokerError that names the file that is wrong."""
        for what, path in (("authority", self.ca), ("certificate", self.cert), ("key", self.key)):
            if path is not None and not path.is_file():
                raise BrokerError(f"the {what} file for the broker, {path}, is not there")
        try:
            context = ssl.create_default_context(cafile=None if self.ca is None else str(self.ca))
        except (ssl.SSLError, OSError) as error:
            raise BrokerError(f"{self.ca} is no certificate of an authority (PEM): {error}") from error
        if self.cert is not None:
            try:
                context.load_cert_chain(self.cert, self.key, password="")
            except (ssl.SSLError, OSError) as error:
                raise BrokerError(
                    f"{self.cert} and {self.key or self.cert} are no certificate with its key (PEM, without a"
                    f" password): {error}"
                ) from error
        return context


@dataclass(frozen=True, slots=True)
class BrokerAddress:
    """``tls`` None: without. The password is never shown."""

    host: str
    port: int
    tls: Tls | None = None
    user: str | None = None
    password: str | None = field(default=None, repr=False)

    def __str__(self) -> str:
        return f"{self.host}:{self.port}"

    @classmethod
    def parse(
        cls,
        text: str,
        ca: Path | None = None,
        cert: Path | None = None,
        key: Path | None = None,
        user: str | None = None,
        password_file: Path | None = None,
    ) -> BrokerAddress:
        """From ``"address:port"``, ``"mqtt://address:port"`` or ``"mqtts://address:port"`` (TLS, as with any of the
        files) and what options say. Raises BrokerError."""
        scheme, there, rest = text.rpartition("://")
        if there and scheme not in ("mqtt", "mqtts"):
            raise BrokerError(
                f"{text!r} is no address of a broker; write it as 127.0.0.1:1883 or mqtts://name:8883"
            )
        host, port = split_address(rest)
        files = ca or cert or key
        if scheme == "mqtt" and files:
            raise BrokerError(f"{text!r} is without TLS, and there are files for TLS: write mqtts://{rest}")
        if key is not None and cert is None:
            raise BrokerError("a key for the broker without its certificate")
        tls = Tls(ca, cert, key) if scheme == "mqtts" or files else None
        if password_file is not None and user is None:
            raise BrokerError("a password for the broker without a user")
        return cls(host, port, tls, user, None if password_file is None else _secret(password_file))


def split_address(text: str) -> tuple[str, int]:
    """``"address:port"`` taken apart. Raises BrokerError if it is not that."""
    host, colon, port = text.rpartition(":")
    if not colon or not host or not port.isdecimal() or int(port) > 65535:
        raise BrokerError(f"{text!r} is no address of a broker; write it as 127.0.0.1:1883")
    return host.strip("[]"), int(port)


def _secret(path: Path) -> str:
    try:
        text = path.read_text("utf-8").strip("\r\n")
    except (OSError, UnicodeDecodeError) as error:
        why = error.strerror if isinstance(error, OSError) else "no text"
        raise BrokerError(f"the password of the broker cannot be read from {path}: {why}") from error
    if not text or "\n" in text:
        raise BrokerError(f"{path} must hold the password of the broker as its only line")
    return text
