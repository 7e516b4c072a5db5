"""Whom a node trusts: broker, credentials, certificates, time server, as node.json says it. Secrets are in no error."""

from helpers import raises

from babbitt_node.config import validate_node
from babbitt_node.rules import ConfigError


def node_doc(**broker):
    broker["host"] = "h"
    return {"site": "hall", "node": "n", "broker": broker, "ntp": {"host": "time.hall"}}


def test_the_trust_in_a_broker():
    ca = {"ca": "ca.der"}
    both = {"ca": "ca.der", "cert": "node.der", "key": "node.key.der", "server_name": "broker.hall"}
    broker = validate_node(node_doc(tls=ca, user="u", password="p"), False)["broker"]
    assert broker["port"] == 8883 and (broker["user"], broker["password"]) == ("u", "p")
    assert broker["tls"] == {"ca": "ca.der", "cert": None, "key": None, "server_name": None}
    assert validate_node(node_doc(tls=both, port=99), False)["broker"]["tls"] == both
    for path, change in (
        ("broker.tls", {"tls": True}),
        ("broker.tls.ca", {"tls": {}}),
        ("broker.tls.ca", {"tls": {"ca": "../node.json"}}),
        ("broker.tls.ca", {"tls": {"ca": "c" * 33}}),
        ("broker.tls.Ca", {"tls": {"Ca": "ca.der"}}),
        ("broker.tls.cert", {"tls": {"ca": "ca.der", "key": "k"}}),
        ("broker.tls.key", {"tls": {"ca": "ca.der", "cert": "c"}}),
        ("broker.tls.server_name", {"tls": {"ca": "ca.der", "server_name": ""}}),
        ("broker.user", {"user": ""}),
        ("broker.user", {"user": "\u00e4" * 33}),
        ("broker.user", {"password": "p"}),
        ("broker.password", {"user": "u", "password": 7}),
        ("broker.password", {"user": "u", "password": ""}),
        ("broker.password", {"user": "u", "password": "a\nb"}),
        ("broker.password", {"user": "u", "password": "\u00e4" * 65}),
    ):
        assert raises(ConfigError, validate_node, node_doc(**change), False).path == path, change


def test_tls_needs_the_date():
    doc = node_doc(tls={"ca": "ca.der"})
    assert validate_node(doc, False)["ntp"] == {"host": "time.hall", "port": 123}
    doc["ntp"] = None
    assert raises(ConfigError, validate_node, doc, False).path == "ntp"
    for path, ntp in (("ntp", "time.hall"), ("ntp.host", {}), ("ntp.port", {"host": "h", "port": 0})):
        doc["ntp"] = ntp
        assert raises(ConfigError, validate_node, doc, False).path == path


def test_a_password_in_the_wrong_place_is_in_no_error():
    for change in (
        {"broker": "hunter2"},
        {"broker": {"host": "h", "password": "hunter2"}},
        {"broker": {"host": "h", "user": "u", "password": "hunter2" * 99}},
        {"broker": {"host": "h", "user": "u", "password": ["hunter2"]}},
        {"wifi": "hunter2"},
        {"wifi": ["x", "hunter2"]},
    ):
        doc = node_doc()
        doc.update(change)
        assert "hunter2" not in str(raises(ConfigError, validate_node, doc))
