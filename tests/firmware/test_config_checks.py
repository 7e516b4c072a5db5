"""Checks in a configuration: every type is taken with its defaults, and what is wrong is said."""

from helpers import raises

from babbitt_node.config import validate
from babbitt_node.rules import ConfigError


def document(*more):
    return {
        "asset": {"name": "Pump 7", "kind": "machine"},
        "sensors": [{"id": "temp", "driver": "ds18b20", "bus": "ow0"}],
        "checks": [
            {"id": "hot", "type": "limit", "channel": "temp.mean", "h": 60000},
            {"id": "odd", "type": "zscore", "channel": "temp.mean"},
        ]
        + list(more),
    }


def voted(**changes):
    entry = {"id": "both", "type": "vote", "of": ["hot", "odd"]}
    entry.update(changes)
    return entry


def check(**settings):
    entry = {"id": "new", "type": "limit", "channel": "temp.mean"}
    entry.update(settings)
    return entry


def refused(path, reason, entry):
    error = raises(ConfigError, validate, document(entry))
    assert error.path == "checks[2]" + path, (error.path, path)
    assert reason in error.reason and len(error.reason) <= 128, error.reason


def test_a_vote_has_no_channel():
    config = validate(document(voted()))
    assert config["checks"][2] == {
        "id": "both", "type": "vote", "of": ["hot", "odd"], "k": 2, "on_delay_s": 0, "off_delay_s": 0,
        "latch": False, "when": "always",
    }  # fmt: skip


def test_every_type_is_taken_with_its_defaults():
    config = validate(document(voted()))
    assert [entry["when"] for entry in config["checks"]] == ["always", "running", "always"]
    for kind in ("rate", "cusum", "flat", "missing", "range"):
        entry = check(type=kind, latch=True)
        if kind == "rate":
            entry["h"] = 5
        found = validate(document(entry))["checks"][2]
        assert found["latch"] is True and found["when"] == ("running" if kind == "cusum" else "always")


def test_what_is_wrong_with_a_vote():
    refused(".channel", "unknown key", voted(channel="temp.mean"))
    refused(".of[1]", "no check 'cold' before this one", voted(of=["hot", "cold"]))
    refused(".of[0]", "no check 'both' before this one", voted(of=["both", "hot"]))
    refused(".of", "2..16 different ids", voted(of="hot"))
    refused(".of", "2..16 different ids", voted(of=["hot", "hot"]))
    refused(".k", "3 of 2 checks", voted(k=3))


def test_what_is_wrong_with_others():
    refused(".latch", "must be true or false, not 1", check(h=1, latch=1))
    refused(".when", "must be one of always, running, not 'off'", check(h=1, when="off"))
    refused(".records", "3 is not even", check(type="rate", h=1, records=3))
    refused(".h", "unknown key", check(type="range", h=1))
    refused(".per", "must be one of hour, minute, not 'day'", check(type="rate", h=1, per="day"))
