"""The parts of node.json that say whom a node trusts: the broker, its credentials, the time server. Needed at
the start and for a new network: `config.validate_node` loads this and it is forgotten with it.
"""

from babbitt_node.errors import ConfigError
from babbitt_node.rules import a_guarded, a_text, an_int, an_object

_FILE = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-"


def broker(doc):
    """`broker` of node.json with its defaults. Raises ConfigError; the password is never part of a reason."""
    given = a_guarded(doc, "broker", ("host", "port", "keepalive_s", "user", "password", "tls"))
    tls = None
    if given.get("tls") is not None:
        files = an_object(given["tls"], "broker.tls", ("ca", "cert", "key", "server_name"))
        tls = {"ca": a_text(files, "broker.tls", "ca", 1, 32, _FILE)}
        for key, size, letters in (("cert", 32, _FILE), ("key", 32, _FILE), ("server_name", 128, None)):
            known = files.get(key) is not None
            tls[key] = a_text(files, "broker.tls", key, 1, size, letters) if known else None
        for key, other in (("cert", "key"), ("key", "cert")):
            if tls[key] is None and tls[other] is not None:
                raise ConfigError("broker.tls." + key, "missing: %s is of no use without it" % other)
    found = {
        "host": a_text(given, "broker", "host", 1, 128),
        "port": an_int(given, "broker", "port", 1, 65535, 1883 if tls is None else 8883),
        "keepalive_s": an_int(given, "broker", "keepalive_s", 5, 600, 30),
        "user": None,
        "password": None,
        "tls": tls,
    }
    if given.get("user") is not None:
        found["user"] = a_text(given, "broker", "user", 1, 64)
        if len(found["user"].encode()) > 64:
            raise ConfigError("broker.user", "expected at most 64 bytes of UTF-8")
    password = given.get("password")
    if password is not None:
        if type(password) is not str or any(ord(c) < 32 or 0xD800 <= ord(c) <= 0xDFFF for c in password):
            raise ConfigError("broker.password", "expected text without control characters")
        if not 1 <= len(password.encode()) <= 128:
            raise ConfigError("broker.password", "expected 1 to 128 bytes of UTF-8")
        if found["user"] is None:
            raise ConfigError("broker.user", "missing: a password needs a user")
        found["password"] = password
    return found


def time_server(doc, needed):
    """`ntp` of node.json, or None. needed: TLS waits for the date. Raises ConfigError."""
    if doc.get("ntp") is None:
        if needed:
            reason = "missing: broker.tls needs a time server, no certificate is checked without the date"
            raise ConfigError("ntp", reason)
        return None
    ntp = an_object(doc["ntp"], "ntp", ("host", "port"))
    return {"host": a_text(ntp, "ntp", "host", 1, 128), "port": an_int(ntp, "ntp", "port", 1, 65535, 123)}
