"""Waveforms: asked for, taken window by window, kept within bounds, handed out in parts."""

import gc
import os

from helpers import node_error
from wavenode import WINDOW, Accelerometer, Named, ask, chunk, made, pause, record, steps, whole

from babbitt_node.capture import Captures
from babbitt_node.hal import port


def test_a_command_takes_the_window_that_lies_there_and_those_after_it():
    node = made()
    record(node)
    pause()
    ask(node, None, "xz", 150, "command", "c1")
    steps(node)
    assert node.waves.job is None and node.publisher.state_due
    assert node.publisher.answers == [{"id": "c1", "cmd": "capture", "state": "done", "wave": "3-0"}]
    assert node.waves.kept == [[3, 0, 2, 0]] and os.listdir("wave") == ["3-0.wave"]
    info, samples = whole(node, node.waves.kept[0])
    assert (info["i"], info["id"], info["sensor"], info["axes"]) == ("9f3a01bc", "3-0", "vib", "xz")
    assert (info["num"], info["den"], info["exp"], info["unit"]) == (15625, 4, -6, "g")
    assert (info["by"], info["of"], info["pre"], info["q"]) == ("command", "c1", WINDOW, 2)
    assert [w[1:] for w in info["windows"]] == [[64, 3199750, 1, 2], [64, 3199750, 1, 2], [22, 3199750, 1, 2]]
    assert info["windows"][0][0] < info["windows"][1][0] < info["windows"][2][0]
    assert 0 <= info["t"] - 1789000000000 - info["windows"][0][0] < 1000
    expected = []
    for k, n in ((0, 64), (1, 64), (2, 22)):
        expected += [100 * k + i for i in range(n)] + [100 * k + i + 7 for i in range(n)]
    assert list(samples) == expected


def test_without_a_window_there_is_nothing_before_the_command():
    node = made()
    ask(node, "vib", "xyz", None, "command", "c1")
    steps(node)
    info, samples = whole(node, node.waves.kept[0])
    assert info["pre"] == 0 and len(info["windows"]) == 4 and len(samples) == 3 * 4 * WINDOW


def test_a_window_that_was_opened_after_the_command_is_not_before_it():
    node = made()
    ask(node, None, "x", 64, "command", "c1")
    pause()
    record(node)
    steps(node, 0)
    assert whole(node, node.waves.kept[0])[0]["pre"] == 0


def test_where_there_is_no_time_the_windows_of_the_records_are_taken():
    node = made()
    ask(node, None, "x", 3 * WINDOW, "command", "c1")
    for _ in range(3):
        assert node.waves.job is not None
        record(node)
        steps(node, 100)
    assert node.waves.job is None
    samples = whole(node, node.waves.kept[0])[1]
    assert [samples[0], samples[WINDOW], samples[2 * WINDOW]] == [0, 100, 200]


def test_what_cannot_be_taken_is_refused():
    node = made(Accelerometer("a"), Accelerometer("b"), Named(id="temp"), spool_bytes=40000)
    assert "which of 2" in node_error("not_available", ask, node, None, "x", 64, "command", "c1").detail
    node_error("not_available", ask, node, "temp", "x", 64, "command", "c1")
    node_error("not_available", ask, node, "c", "x", 64, "command", "c1")
    node_error("too_large", ask, node, "a", "x", 64 * WINDOW + 1, "command", "c1")
    node_error("too_large", ask, node, "a", "xyz", 2000, "command", "c1")
    assert node.waves.job is None
    ask(node, "a", "x", 64, "command", "c1")
    assert "c1" in node_error("busy", ask, node, "b", "x", 64, "command", "c2").detail
    node.settings["spool_bytes"] = 1 << 60
    node.waves.job = None
    node_error("no_room", ask, node, "a", "x", 64, "command", "c1")


def test_the_oldest_makes_room():
    node = made(spool_bytes=400000)
    for _ in range(10):
        ask(node, None, "x", 64, "command", "c1")
        steps(node)
    assert [e[1] for e in node.waves.kept] == [2, 3, 4, 5, 6, 7, 8, 9] and node.waves.dropped == 2
    assert len(os.listdir("wave")) == 8
    node.settings["spool_bytes"] = 40000
    ask(node, None, "x", 64, "command", "c1")
    assert [e[1] for e in node.waves.kept] == [9] and node.waves.dropped == 9


def test_a_sensor_that_fails_ends_it_with_what_there_is():
    node = made()
    sampler = node.station.samplers[0]
    record(node)
    ask(node, None, "x", 4 * WINDOW, "command", "c1")
    sampler.failures = 2  # two in a row are overcome
    steps(node)
    assert len(whole(node, node.waves.kept[0])[1]) == 4 * WINDOW
    record(node)
    ask(node, None, "x", 4 * WINDOW, "command", "c2")
    sampler.failures = 3
    steps(node)
    assert len(whole(node, node.waves.kept[-1])[1]) == WINDOW
    ask(node, None, "x", 4 * WINDOW, "command", "c3")
    sampler.failures, sampler.whole = 3, False
    steps(node)
    assert node.publisher.answers[-1] == {
        "id": "c3",
        "cmd": "capture",
        "state": "failed",
        "error": "timeout",
        "reason": "the FIFO stays empty",
    }
    ask(node, None, "x", 4 * WINDOW, "command", "c4")
    node.station.samplers = []
    steps(node)
    assert node.publisher.answers[-1]["error"] == "not_available" and node.waves.job is None


def alarm(node, name, channel="vib.x.rms"):
    node.waves.alarm(node, Named(id=name, channel=channel))
    taken = node.waves.job
    steps(node)
    return taken


def test_an_alarm_takes_one_an_hour_for_each_check():
    node = made(Accelerometer(captures=2 * WINDOW))
    record(node)
    pause()
    assert alarm(node, "x-high") and not alarm(node, "x-high") and alarm(node, "x-odd")
    info, _ = whole(node, node.waves.kept[0])
    assert (info["by"], info["of"], info["pre"], info["axes"]) == ("check", "x-high", WINDOW, "xyz")
    assert node.publisher.answers == []
    assert not alarm(node, "room", "temp.mean") and not alarm(node, "votes", None)
    later = node.clock.u() + 3600000
    node.clock.u = lambda: later
    assert alarm(node, "x-high")
    assert not alarm(made(Accelerometer()), "x-high")


def test_parts_again_and_dropped():
    node = made(spool_bytes=200000)
    record(node)
    ask(node, None, "x", 40 * WINDOW, "command", "c1")
    steps(node)
    gc.collect()
    (entry,) = node.waves.kept
    info, samples = whole(node, entry)
    assert entry[2:] == [1 + 2, 3] and len(samples) == 40 * WINDOW and len(info["windows"]) == 40
    assert chunk(node) is None
    port.once("waves", "again", node, "3-0", 2)
    assert chunk(node)[1] == 2
    node_error("bad_message", port.once, "waves", "again", node, "3-0", 3)
    node_error("not_available", port.once, "waves", "again", node, "3-1", 0)
    node_error("not_available", port.once, "waves", "drop", node, "2-0", 0)
    port.once("waves", "drop", node, "3-0", 0)
    assert node.waves.kept == [] and os.listdir("wave") == [] and node.waves.dropped == 0


def test_after_a_restart_they_are_there_and_what_is_damaged_is_not():
    node = made()
    for _ in range(3):
        ask(node, None, "x", 64, "command", "c1")
        steps(node)
    with open("wave/3-1.wave", "r+b") as file:
        file.seek(-20, 2)
        file.write(b"?")
    for name in ("new", "junk.wave", "3-9.wave", "a-b.wave"):
        with open("wave/" + name, "wb") as file:
            file.write(b"x" * 40)
    node = made()
    assert node.waves.kept == [[3, 0, 2, 0], [3, 2, 2, 0]]
    assert sorted(os.listdir("wave")) == ["3-0.wave", "3-2.wave"]
    with open("wave/3-0.wave", "wb") as file:  # damaged while the node runs
        file.write(b"x" * 40)
    assert chunk(node)[0][1] == 2 and node.waves.dropped == 1
    os.remove("wave/3-2.wave")
    assert chunk(node) is None and node.waves.kept == []


def test_files_that_no_node_wrote_are_removed_or_survived():
    node = made()
    ask(node, None, "x", 64, "command", "c1")
    steps(node)
    with open("wave/3-0.wave", "rb") as file:
        data = file.read()
    for name in ("3-65536.wave", "4294967297-1.wave", "-3-0.wave", "03-0.wave", "+3-0.wave", "3-0-0.wave"):
        with open("wave/" + name, "wb") as file:
            file.write(data)
    os.mkdir("wave/folder")
    assert made().waves.kept == [[3, 0, 2, 0]]
    assert sorted(os.listdir("wave")) == ["3-0.wave", "folder"]
    os.rmdir("wave/folder")


def test_those_of_another_installation_and_more_than_are_kept_go_at_the_start():
    node = made()
    ask(node, None, "x", 64, "command", "c1")
    steps(node)
    with open("wave/3-0.wave", "rb") as file:
        data = file.read()
    for number in range(1, 12):
        with open("wave/3-%d.wave" % number, "wb") as file:
            file.write(data)
    assert [entry[1] for entry in made().waves.kept] == list(range(4, 12))
    assert len(os.listdir("wave")) == 8
    assert Captures("0badcafe").kept == [] and os.listdir("wave") == []


def test_numbers_begin_anew_where_the_wire_has_no_more_bits():
    node = made()
    node.waves.taken = 65535
    for _ in range(2):
        ask(node, None, "x", 64, "command", "c1")
        steps(node)
    assert [entry[:2] for entry in node.waves.kept] == [[3, 65535], [3, 0]]
    assert [whole(node, entry)[0]["id"] for entry in node.waves.kept] == ["3-65535", "3-0"]


def test_nothing_is_thrown_away_for_what_has_no_room_in_any_case():
    node = made()
    ask(node, None, "x", 64, "command", "c1")
    steps(node)
    node.settings["spool_bytes"] = 1 << 50  # of which the flash has less
    node_error("no_room", ask, node, None, "x", 64, "command", "c2")
    assert len(node.waves.kept) == 1 and node.waves.dropped == 0


def test_a_full_heap_after_the_last_byte_loses_the_word_about_it_only():
    node = made()

    def full(answer):
        raise MemoryError("memory allocation failed")

    real, node.publisher.answer = node.publisher.answer, full
    ask(node, None, "x", 64, "command", "c1")
    steps(node)
    assert node.waves.job is None and len(node.waves.kept) == 1
    node.publisher.answer = real
    ask(node, None, "x", 64, "command", "c2")
    steps(node)
    assert [answer["id"] for answer in node.publisher.answers] == ["c2"] and len(node.waves.kept) == 2


def test_a_full_heap_ends_a_waveform_not_the_sampler():
    node = made()
    sampler = node.station.samplers[0]
    record(node)
    ask(node, None, "x", 4 * WINDOW, "command", "c1")
    real = sampler.again

    async def full():
        raise MemoryError("memory allocation failed")

    sampler.again = full
    steps(node)
    assert node.waves.job is None and node.waves.kept == []
    assert node.publisher.answers == [{"id": "c1", "cmd": "capture", "state": "failed", "error": "memory"}]
    sampler.again = real
    ask(node, None, "x", 4 * WINDOW, "command", "c2")
    steps(node)
    assert (
        node.publisher.answers[-1]["state"] == "done"
        and len(whole(node, node.waves.kept[0])[1]) == 4 * WINDOW
    )
