"""Numbers are never given twice, and time is never better than its source."""

import os

from babbitt_node import boots
from babbitt_node import clock as clocks
from babbitt_node.clock import Clock
from babbitt_node.hal import port
from babbitt_node.identity import Identity
from babbitt_node.segment import ROW
from babbitt_node.spool import Spool


def write(text):
    with open("boot.json", "w") as file:
        file.write(text)


def test_boots_count_up_and_know_how_the_one_before_ended():
    first = Identity()
    assert (first.boot, first.before, len(first.install)) == (1, None, 8)
    second = Identity()
    assert (second.install, second.boot, second.before) == (first.install, 2, (1, False))
    second.ended()
    assert Identity().before == (2, True)


def test_a_damaged_file_without_spool_is_a_new_installation():
    first = Identity()
    for text in (
        "",
        "{",
        "[]",
        "[" * 2000,
        '{"i":"9f3a01bc"}',
        '{"i":"xyzxyzxy","boot":3,"clean":true}',
        '{"i":"9f3a01bc","boot":0,"clean":true}',
    ):
        write(text)
        again = Identity()
        assert again.boot == 1 and again.install not in (first.install, "9f3a01bc"), text


def test_a_damaged_file_is_recovered_from_the_spool_and_no_boot_is_used_twice():
    boots.write("boot.json", "9f3a01bc", 11, True)
    assert Identity().boot == 12
    spool = Spool("spool", 100000, "9f3a01bc", 12)
    spool.append(ROW, 12, 0, b"[0]")
    spool.close()
    write("{")
    again = Identity()
    assert again.install == "9f3a01bc" and again.boot > 12
    os.remove("boot.json")
    again = Identity()
    assert again.install == "9f3a01bc" and again.boot > 12


def test_one_wrong_digit_gives_no_number_twice():
    boots.write("boot.json", "9f3a01bc", 21, True)
    with open("boot.json") as file:
        sound = file.read()
    for wrong in (
        sound.replace("21", "20"),
        sound.replace("9f3a01bc", "9f3a01bd"),
        sound.replace("crc", "crd"),
    ):
        assert wrong != sound
        write(wrong)
        again = Identity()  # nothing in the spool says better: it must be another installation
        assert again.boot == 1 and again.install not in ("9f3a01bc", "9f3a01bd"), wrong
    spool = Spool("spool", 100000, "9f3a01bc", 21)
    spool.append(ROW, 21, 0, b"[0]")
    spool.close()
    write(sound.replace("21", "20"))
    again = Identity()
    assert again.install == "9f3a01bc" and again.boot > 21


class FakeBoard:
    """What a board says about its clock."""

    def __init__(self, kind, cause="hard"):
        self.clock_kind = kind
        self._cause = cause

    def reset_cause(self):
        return self._cause


NOW = 1789000000000


def test_no_clock_no_time():
    clock = Clock(FakeBoard("none"))
    assert clock.q == clocks.NONE and clock.t() is None and clock.u() >= 0


def test_a_clock_that_went_on_over_a_reset_has_quality_1():
    port.set_utc_ms(NOW)
    assert Clock(FakeBoard("rtc", "power_on")).q == clocks.NONE
    clock = Clock(FakeBoard("rtc", "hard"))
    assert clock.q == clocks.RTC and NOW <= clock.t() < NOW + 10000
    port.set_utc_ms(NOW - 20 * 365 * 86400000)  # 2006
    assert Clock(FakeBoard("rtc", "hard")).q == clocks.NONE
    port.set_utc_ms(NOW)


def test_better_or_equal_sources_only():
    clock = Clock(FakeBoard("none"))
    assert clock.offer(NOW, clocks.HOST) and clock.q == clocks.HOST and 0 <= clock.t() - NOW < 1000
    assert clock.offer(NOW + 5000, clocks.NTP) and clock.q == clocks.NTP and clock.t() >= NOW + 5000
    assert not clock.offer(NOW + 90000, clocks.HOST) and clock.t() < NOW + 90000


def test_a_simulated_clock_takes_no_time_from_the_host():
    port.set_utc_ms(NOW)
    clock = Clock(FakeBoard("simulated"))
    assert clock.q == clocks.SIMULATED and not clock.offer(NOW + 90000000, clocks.HOST)
    assert clock.t() < NOW + 10000


def test_a_time_20_years_off_is_refused_and_counted():
    clock = Clock(FakeBoard("none"))
    for bad in (NOW - 20 * 365 * 86400000, 0, -5, 1 << 60, 1.5, None, "now", True):
        assert not clock.offer(bad, clocks.HOST), bad
    assert clock.refused == 8 and clock.t() is None


def test_small_differences_are_taken_slowly_and_large_ones_at_once():
    clock = Clock(FakeBoard("none"))
    clock.offer(NOW, clocks.HOST)
    before = clock.t()
    clock.offer(before + 400, clocks.HOST)
    assert 0 <= clock.t() - before < 300
    clock.offer(NOW + 3600000, clocks.HOST)
    assert clock.t() >= NOW + 3600000


def test_milliseconds_since_boot_pass_the_wrap_of_the_ticks():
    class Ticks:
        now = (1 << 30) - 500

        def ticks_ms(self):
            return self.now % (1 << 30)

        def ticks_diff(self, end, start):
            return (end - start + (1 << 29)) % (1 << 30) - (1 << 29)

        def utc_ms(self):
            return 0

    ticks = Ticks()
    clocks.port = ticks
    try:
        clock = Clock(FakeBoard("none"))
        for expected in (400, 800, 1200, 500000000, 1000000000, 1500000000):
            ticks.now = (1 << 30) - 500 + expected
            assert clock.u() == expected
    finally:
        clocks.port = port


def test_a_clock_goes_on_through_deep_sleep():
    port.set_utc_ms(NOW)
    clock = Clock(FakeBoard("none", "deep_sleep"))
    clock.go_on(5000000, clocks.NTP)
    assert 5000000 <= clock.u() < 5010000
    assert clock.q == clocks.RTC, "the oscillator of a sleeping board is no better than that"
    assert NOW <= clock.t() < NOW + 10000
    clock.go_on(7000000, clocks.NONE)
    assert clock.t() is None and 7000000 <= clock.u() < 7010000
    clock.go_on(1, clocks.SIMULATED)
    assert clock.q == clocks.SIMULATED


def test_a_boot_that_went_on_is_no_new_one():
    first = Identity()
    again = Identity(kept={"i": first.install, "boot": first.boot})
    assert (again.install, again.boot, again.before) == (first.install, first.boot, None)
    assert Identity().boot == first.boot + 1
