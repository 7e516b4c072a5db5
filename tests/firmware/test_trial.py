"""A configuration or a network holds only once the node has reached the broker with it; until then there is a way back, through
restarts and power cuts.
"""

import json
import os

from desiring import Desiring
from helpers import FailingFiles, PowerCut, raises

from babbitt_node import settings as module
from babbitt_node import trial
from babbitt_node.errors import ConfigError
from babbitt_node.settings import digest

BUSES = {"ow0": "onewire"}
NODE = {
    "site": "hall",
    "node": "pump-7",
    "wifi": {"ssid": "hall", "password": "old secret"},
    "broker": {"host": "10.0.0.1"},
    "spool_bytes": 65536,
}
NEW = {"wifi": {"ssid": "yard", "password": "new secret"}, "broker": {"host": "10.0.0.2", "port": 1884}}


def put(path, document):
    with open(path, "w") as file:
        json.dump(document, file)


def content(path):
    with open(path) as file:
        return json.load(file)


def config(interval_s):
    return {
        "asset": {"name": "Pump 7", "kind": "machine"},
        "interval_s": interval_s,
        "sensors": [{"id": "temp", "driver": "ds18b20", "bus": "ow0"}],
    }


def desired(version, interval_s):
    return json.dumps({"version": version, "config": config(interval_s)}).encode()


def network(version, parts=NEW):
    return json.dumps({"version": version, "network": parts}).encode()


def fresh():
    put("node.json", NODE)
    put("config.json", config(10))
    return start()


def start():
    """What a start finds."""
    settings = Desiring(BUSES, True)
    settings.load()
    return settings


def accept(config, version, digest):
    """Nothing to build."""


def told(settings):
    return settings.report["version"], settings.report["state"]


def test_a_configuration_is_on_trial_until_it_is_confirmed():
    settings = fresh()
    assert settings.offer(desired(7, 20), accept) and settings.trial == "config"
    assert told(settings) == (7, "trial") and settings.config["interval_s"] == 20
    assert content("config.json") == config(10), "the good one is where it was"
    again = start()
    assert (again.config["interval_s"], again.trial, told(again)) == (20, "config", (7, "trial"))
    again.confirm()
    assert again.trial is None and told(again) == (7, "applied")
    for _ in range(4):
        last = start()
        assert (last.config["interval_s"], last.trial, told(last)) == (20, None, (7, "applied"))
    assert content("config.good.json") == config(10)
    assert "trial.json" not in os.listdir(".")


def test_the_third_start_without_confirmation_rolls_back_for_good():
    settings = fresh()
    bad = desired(7, 20)
    settings.offer(bad, accept)
    for _ in range(trial.BOOTS):
        assert start().trial == "config"
    back = start()
    assert (back.config["interval_s"], back.trial, told(back)) == (10, None, (7, "rolled_back"))
    assert "2 starts" in back.report["reason"] and back.report["hash"] == digest(bad)
    assert told(start()) == (7, "rolled_back")
    # The retained one comes again with every connection.
    assert not back.offer(bad, accept) and told(back) == (7, "rolled_back") and back.trial is None
    assert start().config["interval_s"] == 10
    # Another one is another trial; so is the same document under another number.
    assert back.offer(desired(8, 20), accept) and told(back) == (8, "trial")
    back.confirm()
    assert told(start()) == (8, "applied")


def test_given_up_in_time_it_is_rolled_back_with_the_reason():
    settings = fresh()
    settings.offer(desired(7, 20), accept)
    module.give_up("the broker was not reached within 300 s")
    back = start()
    assert (back.config["interval_s"], told(back)) == (10, (7, "rolled_back"))
    assert back.report["reason"] == "the broker was not reached within 300 s"
    module.give_up("twice")
    assert start().report["reason"].startswith("the broker")
    # The good one again: nothing is left of it.
    assert back.offer(desired(9, 10), accept)
    back.confirm()
    assert told(start()) == (9, "applied")


def test_the_same_trial_again_is_answered_and_goes_on():
    settings = fresh()
    assert settings.offer(desired(7, 20), accept)
    for _ in range(3):
        assert not settings.offer(desired(7, 20), accept) and told(settings) == (7, "trial")
    assert trial.read()["boots"] == 0
    assert settings.offer(desired(8, 30), accept) and told(settings) == (8, "trial")
    assert start().config["interval_s"] == 30


def test_a_trial_that_cannot_be_read_any_more_is_rolled_back_at_once():
    settings = fresh()
    settings.offer(desired(7, 20), accept)
    before = module.once

    def hungry(name, function, *args):
        if function == "validate" and args[0]["interval_s"] == 20:
            raise MemoryError("memory allocation failed")
        return before(name, function, *args)

    module.once = hungry
    try:
        back = start()
    finally:
        module.once = before
    assert (back.config["interval_s"], told(back)) == (10, (7, "rolled_back"))
    assert "memory" in back.report["reason"]


def test_a_start_that_the_flash_does_not_count_runs_the_good_one():
    settings = fresh()
    settings.offer(desired(7, 20), accept)
    os.mkdir("trial.state.json.new")  # nothing can be written there
    for _ in range(3):
        back = start()
        assert (back.config["interval_s"], back.trial, told(back)) == (10, None, (0, "applied"))
    os.rmdir("trial.state.json.new")
    assert told(start()) == (7, "trial")


def test_damaged_files_of_a_trial_are_no_trial():
    for path, text in (
        ("trial.json", "{"),
        ("trial.json", ""),
        ("trial.state.json", ""),
        ("trial.state.json", "[{},0]"),
        (
            "trial.state.json",
            '[{"state":"trial","kind":"config","version":7,"hash":"x","boots":0,"reason":""},1]',
        ),
        ("trial.state.json", "[]"),
        ("trial.state.json", "7"),
        ("trial.state.json", "[" * 2000),
    ):
        settings = fresh()
        settings.offer(desired(7, 20), accept)
        with open(path, "w") as file:
            file.write(text)
        back = start()
        assert (back.config["interval_s"], back.trial, back.report["state"]) == (10, None, "applied"), path
        assert back.offer(desired(7, 20), accept), "it can be tried again"
        trial.forget()


def test_the_longest_reason_of_a_roll_back_is_read_again():
    settings = fresh()
    settings.offer(desired(7, 20), accept)
    module.give_up('"\\\u20ac' * 60)
    state = trial.read()
    assert state["state"] == "rolled_back" and state["reason"] == ('"\\?' * 60)[:128]


def test_a_network_waits_for_a_restart_and_replaces_its_parts_of_node_json():
    settings = fresh()
    assert settings.node["wifi"]["ssid"] == "hall" and settings.node["broker"]["port"] == 1883
    assert not settings.offer(network(8), accept)
    assert (settings.trial, told(settings)) == ("network", (8, "trial"))
    tried = start()
    assert (tried.trial, told(tried)) == ("network", (8, "trial"))
    assert tried.node["wifi"] == NEW["wifi"] and tried.node["broker"]["host"] == "10.0.0.2"
    assert tried.node["site"] == "hall" and tried.node["spool_bytes"] == 65536
    assert tried.config["interval_s"] == 10 and tried.version == 0, "what is measured is not on trial"
    assert content("node.json") == NODE
    tried.confirm()
    assert told(tried) == (8, "applied") and tried.trial is None
    node = content("node.json")
    assert node["wifi"] == NEW["wifi"] and node["broker"] == NEW["broker"] and node["spool_bytes"] == 65536
    last = start()
    assert (last.trial, last.node["wifi"]["ssid"], last.report["state"]) == (None, "yard", "applied")
    # The retained document comes again: it is what the node has.
    assert not last.offer(network(8), accept) and told(last) == (8, "applied") and last.trial is None


def test_a_wrong_password_over_the_air_strands_nobody():
    settings = fresh()
    settings.offer(network(8), accept)
    assert start().node["wifi"]["ssid"] == "yard"
    module.give_up("the broker was not reached within 300 s")
    back = start()
    assert (back.node["wifi"], told(back)) == (NODE["wifi"], (8, "rolled_back"))
    assert not back.offer(network(8), accept) and told(back) == (8, "rolled_back")
    # And if the node only ever crashes with it:
    back.offer(network(9, {"broker": {"host": "10.0.0.3"}}), accept)
    for _ in range(trial.BOOTS):
        assert start().node["broker"]["host"] == "10.0.0.3"
    back = start()
    assert back.node["broker"]["host"] == "10.0.0.1" and told(back) == (9, "rolled_back")


def test_a_bad_network_is_refused_and_no_answer_quotes_a_secret():
    settings = fresh()
    for parts, path in (
        ({"wifi": {"ssid": "yard", "password": 7}}, "network.wifi.password"),
        ({"wifi": {"ssid": "yard", "password": "s3cret" * 20}}, "network.wifi.password"),
        ({"wifi": "s3cret"}, "network.wifi"),
        ({"wifi": {"ssid": ["s3cret"], "password": "x"}}, "network.wifi.ssid"),
        ({"wifi": {"ssid": "s3cret\n", "password": "x"}}, "network.wifi.ssid"),
        ({"broker": {"host": "a", "user": "s3cret\n"}}, "network.broker.user"),
        ({"broker": {"host": "a", "tls": {"ca": "s3cret!"}}}, "network.broker.tls.ca"),
        ({"broker": {"host": "a", "tls": "s3cret"}}, "network.broker.tls"),
        ({"broker": {"host": "s3cret" * 30}}, "network.broker.host"),
        ({"broker": {"host": "a", "port": "s3cret"}}, "network.broker.port"),
        ({"password": "s3cret"}, "network.password"),
        ("s3cret", "network"),
        ({"site": "yard"}, "network.site"),
    ):
        assert not settings.offer(network(8, parts), accept) and settings.trial is None, parts
        assert told(settings) == (8, "rejected") and settings.report["path"] == path, settings.report
        assert "s3cret" not in json.dumps(settings.report), settings.report
    both = {"version": 8, "network": NEW, "config": config(20)}
    assert not settings.offer(json.dumps(both).encode(), accept) and settings.report["path"] == "network"
    assert trial.read() is None and content("node.json") == NODE


def test_no_network_while_a_configuration_is_on_trial():
    settings = fresh()
    settings.offer(desired(7, 20), accept)
    assert not settings.offer(network(8), accept) and settings.report["state"] == "rejected"
    assert "on trial" in settings.report["reason"] and settings.trial == "config"
    assert start().config["interval_s"] == 20


def test_without_node_json_there_is_no_node():
    put("config.json", config(10))
    assert "node.json" in raises(ConfigError, start).detail
    put("node.json", [1])
    assert "node.json" in raises(ConfigError, start).detail
    put("node.json", {"site": "hall"})
    assert "node.json: node" in raises(ConfigError, start).detail


def cut_everywhere(act, check):
    """Run `act()` from a fresh start with the power cut before its first, second ... change of a file; then `check(finished)`."""
    step = 0
    finished = False
    while not finished:
        for name in os.listdir("."):
            os.remove(name)
        settings = fresh()
        files = FailingFiles(step)
        module.os = trial.os = trial.segment.os = files
        try:
            act(settings)
            finished = True
        except PowerCut:
            pass
        finally:
            module.os = trial.os = trial.segment.os = os
        check(finished)
        step += 1
    return step


def test_power_cut_at_every_step_of_a_trial():
    def begin_and_confirm(settings):
        settings.offer(desired(7, 20), accept)
        settings.confirm()

    def check(finished):
        found = start()
        assert (found.config["interval_s"], told(found)) in (
            (10, (0, "applied")),
            (20, (7, "trial")),
            (20, (7, "applied")),
        )
        assert not finished or told(found) == (7, "applied")
        found.offer(desired(7, 20), accept)
        if found.trial:
            found.confirm()
        assert told(start()) == (7, "applied") and start().config["interval_s"] == 20

    assert cut_everywhere(begin_and_confirm, check) > 5


def test_power_cut_at_every_step_of_a_roll_back():
    def begin_and_give_up(settings):
        settings.offer(desired(7, 20), accept)
        module.give_up("no")

    def check(finished):
        states = [start() for _ in range(trial.BOOTS + 1)]
        assert states[-1].config["interval_s"] == 10
        assert not finished or states[0].config["interval_s"] == 10

    assert cut_everywhere(begin_and_give_up, check) > 3


def test_power_cut_at_every_step_of_a_new_network():
    def begin_and_confirm(settings):
        settings.offer(network(8), accept)
        settings.confirm()

    def check(finished):
        found = start()
        assert found.node["wifi"]["ssid"] in ("hall", "yard") and found.config["interval_s"] == 10
        if finished:
            assert found.trial is None and found.node["wifi"]["ssid"] == "yard"
        elif found.node["wifi"]["ssid"] == "yard":
            assert found.trial == "network" or content("node.json")["wifi"]["ssid"] == "yard"

    assert cut_everywhere(begin_and_confirm, check) > 4
