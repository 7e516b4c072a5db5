"""Modules that are needed seldom come, do their work and go."""

import sys

from helpers import MICROPYTHON, raises

from babbitt_node import identity
from babbitt_node.errors import ConfigError
from babbitt_node.hal import port


def present(name):
    return "babbitt_node." + name in sys.modules


def test_a_borrowed_module_works_and_is_gone_afterwards():
    port.forget("settings", "trial", "config", "rules")
    with open("node.json", "w") as file:
        file.write('{"site":"hall","node":"pump-7","broker":{"host":"10.0.0.1"}}')
    for _ in range(2):
        kept, node = port.once("settings", "load", {"spi0": "spi"}, False)
        config, version, _, report, on_trial = kept
        assert node["node"] == "pump-7" and on_trial is None
        assert config is None and version == 0 and report["state"] == "rejected"
        for name in ("settings", "trial", "config", "rules"):
            assert present(name) != MICROPYTHON, name
    assert present("identity") and identity


def test_it_is_gone_after_an_error_as_well_and_the_error_is_known():
    error = raises(ConfigError, port.once, "config", "validate_node", {"site": "HALL"})
    assert error.path == "site" and present("config") != MICROPYTHON


def test_what_was_fetched_stays_until_it_is_forgotten():
    port.fetch("mqtt.hello")
    assert present("mqtt.hello")
    port.forget("mqtt.hello", "mqtt.hello")
    assert present("mqtt.hello") != MICROPYTHON
    buf = bytearray(64)
    assert port.once("mqtt.hello", "encode_subscribe", buf, 1, (("a", 1),)) == 8
