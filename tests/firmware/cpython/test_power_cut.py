"""LittleFS on a chip in RAM, the power cut at every single change of it: nothing that was promised is lost."""

from __future__ import annotations

from mp_runner import Runner


def test_the_spool_outlives_a_cut_at_every_change_of_the_chip(mp: Runner) -> None:
    found = mp.call("powercut", "run", 32, 2048, 9, 61)
    assert found["failed"] == 0, found["failures"]
    assert found["cuts"] == 3 * found["changes"] > 1000 and found["cuts_in_recovery"] > 200
    assert found["records"] > 60 and found["discarded"] > 10, "a life that fills nothing shows nothing"
    assert found["got_through"] > 0 and found["dirty_programs"] == 0


def test_a_log_as_one_would_write_it_first_loses_records(mp: Runner) -> None:
    """What finds nothing in the spool finds something where there is something."""
    found = mp.call("powercut", "naive", 32, 6, 0)
    assert found["failed"] == 0 and found["worst"] > 1 and found["cuts_that_lose"] > 0


def test_rows_that_are_held_spare_the_flash(mp: Runner) -> None:
    at_once = mp.call("flashwear", "day", 128, 100_000, 600, 150, 1, 0, 1, 65_536)
    held = mp.call("flashwear", "day", 128, 100_000, 600, 150, 1, 9, 1, 65_536)
    assert at_once["most_held"] == 0 and at_once["erases"] >= 600, "a write erases a block"
    assert held["most_held"] == 8 and held["erases"] * 5 < at_once["erases"]
    assert held["bytes"] * 4 < at_once["bytes"]


def test_settings_outlive_a_cut_at_every_change_of_the_chip(mp: Runner) -> None:
    """config.json, node.json and the slot of what is on trial: there is always a whole one, and the node goes on."""
    found = mp.call("powercut", "run_settings", 32, 11)
    assert found["failed"] == 0, found["failures"]
    assert found["cuts"] > 300 and found["cuts_in_recovery"] > 300 and found["dirty_programs"] == 0


def test_what_was_learnt_outlives_a_cut_at_every_change_of_the_chip(mp: Runner) -> None:
    """The recipe of now and the baselines of each: the old one or the new one, never anything else."""
    found = mp.call("baselinecut", "run", 32, 14)
    assert found["failed"] == 0, found["failures"]
    assert found["cuts"] > 300 and found["recipes"] == 10
    assert found["dirty_programs"] == 0


def test_waveforms_outlive_a_cut_at_every_change_of_the_chip(mp: Runner) -> None:
    """Each is there whole or not at all; what was kept stays, and the node goes on."""
    found = mp.call("wavecuts", "run", 48, 5)
    assert found["failed"] == 0, found["failures"]
    assert found["cuts"] > 100 and found["cuts_in_recovery"] > 50 and found["dirty_programs"] == 0
    assert found["got_through"] > 0 and found["dropped"] > 0
