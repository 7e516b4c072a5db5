"""The life of a node's flash, with the power cut at every single change of the chip. Only for MicroPython.

    run(64, 4096, 30)        # by tests/firmware/cpython/test_power_cut.py and bench/power_cut.py: Runner.call("powercut", ...)

`Life` plays boots that fill the spool, commit, discard, end well and badly. Before every change of the chip
`Cuts` copies the chip as a cut would leave it (nothing done, half done, half done with a byte in between),
mounts the copy, starts a node's storage on it, and holds what it finds against what `Life` had been promised.
With `deep` the power is also cut at every change that this start itself makes.

The verdicts are exceptions: an AssertionError says at which cut what was wrong.
"""

import json
import os

import vfs
from desiring import Desiring
from flashdisk import Flash, mount, tear

from babbitt_node import trial
from babbitt_node.errors import NodeError
from babbitt_node.identity import Identity
from babbitt_node.segment import EVENT, MAX_PAYLOAD, ROW, kind_of
from babbitt_node.settings import give_up
from babbitt_node.spool import Spool


class Life:
    """What was promised. `acked` {key: payload} of records for which append() has returned; `trying` (key,
    payload) of one for which it has not; `mark` the highest watermark given; `there` keys that can be read;
    `gone` keys that the spool has discarded and counted; `boot` the newest boot number handed out, `install`
    its installation.
    """

    def __init__(self, limit):
        self.limit = limit
        self.acked = {}
        self.trying = None
        self.mark = (0, -1)
        self.there = set()
        self.gone = set()
        self.install = None
        self.boot = 0
        self.boots = 0
        self.spool = self.identity = None
        self._seq = 0

    def start(self, folder):
        """Switch on."""
        self.identity = Identity(folder + "/boot.json", folder + "/spool")
        assert self.install in (None, self.identity.install), "another installation"
        assert self.identity.boot > self.boot, "boot %d again" % self.identity.boot
        self.install, self.boot = self.identity.install, self.identity.boot
        self.spool = Spool(folder + "/spool", self.limit, self.install, self.boot)
        self.there = keys(self.spool, self.acked)
        self._seq = 0

    def append(self, what):
        """One record more."""
        key = (self.boot, self._seq)
        payload = payload_of(key)
        self.trying = (key, payload)
        discards = self.spool.discards
        before = discards.rows + discards.events
        self.spool.append(kind_of(what, 2), key[0], key[1], payload)
        self.acked[key] = payload
        self.trying = None
        self._seq += 1
        self.there.add(key)
        if discards.rows + discards.events != before:
            kept = keys(self.spool, self.acked)
            self.gone.update(self.there - kept)
            self.there = kept
            assert len(self.gone) == discards.rows + discards.events

    def commit(self, back):
        """The host has everything but the last `back` records."""
        ordered = sorted(self.acked)
        if back < len(ordered):
            self.mark = max(self.mark, ordered[-1 - back])
            self.spool.commit(self.mark[0], self.mark[1])
            self.there = {k for k in self.there if k > self.mark}

    def stop(self, clean):
        """Switch off: by intention, or as a reset does."""
        if clean:
            self.spool.close()
            self.identity.ended()
        else:
            self.spool.close_files()


def payload_of(key):
    """What a record says: its number, and a length of its own."""
    return b"[%d,%d" % key + b",1" * (10 + (key[0] * 31 + key[1] * 17) % 40) + b"]"


def keys(spool, acked, more=None):
    """Set of all records that can be read; asserts that they go upwards and say what was written."""
    buf = bytearray(MAX_PAYLOAD)
    found = set()
    last = (0, -1)
    cursor = spool.cursor()
    n = spool.read(cursor, buf)
    while n >= 0:
        key = (cursor.boot, cursor.seq)
        assert key > last, "%r after %r" % (key, last)
        last = key
        payload = acked.get(key)
        if payload is None and more is not None and more[0] == key:
            payload = more[1]
        assert payload == bytes(memoryview(buf)[:n]), "record %r was never written so" % (key,)
        found.add(key)
        n = spool.read(cursor, buf)
    return found


def survive(folder, life, deeper=None):
    """Start a node's storage on what a cut has left, hold it against `life`, go on with it. Returns whether the record that
    was being written got through.
    """
    identity = Identity(folder + "/boot.json", folder + "/spool")
    assert life.install in (None, identity.install), "another installation: all records are lost"
    assert identity.boot > life.boot, "boot %d was used before" % identity.boot
    spool = Spool(folder + "/spool", life.limit, identity.install, identity.boot)
    if deeper is not None:
        deeper()
    try:
        found = keys(spool, life.acked, life.trying)
        missing = {k for k in life.acked if k > life.mark and k not in found}
        count = spool.discards.rows + spool.discards.events
        # A watermark that was not written yet is forgotten: what it covered may be discarded and counted, too.
        least, most = len(missing | life.gone), len(life.gone | (life.there - found))
        assert least <= count <= most, "lost %r, discards count %d of %d to %d" % (
            sorted(missing - life.gone),
            count,
            least,
            most,
        )
        for boot, first, last in spool.discards.ranges:
            assert not any(k[0] == boot and first <= k[1] <= last for k in found), "discarded, yet there"
        assert spool.records == len(found) and spool.foreign == 0, "%d counted, %d found, %d foreign" % (
            spool.records,
            len(found),
            spool.foreign,
        )
        through = life.trying is not None and life.trying[0] in found
        # It goes on.
        more = {}
        for seq in range(3):
            key = (identity.boot, seq)
            more[key] = payload_of(key)
            spool.append(kind_of(EVENT if seq == 1 else ROW, 2), key[0], key[1], more[key])
        told = spool.discards.rows + spool.discards.events - count
        more.update(life.acked)
        now = keys(spool, more, life.trying)
        found.update((identity.boot, seq) for seq in range(3))
        assert len(found - now) == told and not now - found, "going on lost %r and counted %d" % (
            sorted(found - now),
            told,
        )
        spool.close()
        again = Spool(folder + "/spool", life.limit, identity.install, identity.boot + 1)
        there = keys(again, more, life.trying)
        assert there == now and not again.torn, "after another start %r are missing, %r are new" % (
            sorted(now - there),
            sorted(there - now),
        )
        again.close_files()
        return through
    finally:
        spool.close_files()


class Cuts:
    """Cuts the power before every change of `flash`. `cuts`; `deep` cuts of the start after a cut; `through` records that were
    being written and got through; `lost` failures as texts (at most 20 are kept), `failed` their number.
    """

    def __init__(self, flash, life, hows=(0, 1, 2), deep_every=0, check=survive):
        self.flash = flash
        self.life = life
        self.hows = hows
        self.deep_every = deep_every
        self.check = check
        self.cuts = self.deep = self.through = self.failed = 0
        self.failures = []
        self._image = Flash(flash.blocks)
        self._second = Flash(flash.blocks) if deep_every else None
        flash.before = self.cut

    def cut(self, kind, block, offset, data):
        """The power goes at this change, in every way."""
        for how in self.hows:
            self._image.take(self.flash)
            tear(self._image, kind, block, offset, data, how)
            deep = self.deep_every and self.cuts % self.deep_every == 0
            self.cuts += 1
            if deep:
                self._image.before = self._cut_again
            self.through += self._try(self._image, "/cut", deep)

    def _cut_again(self, kind, block, offset, data):
        for how in self.hows:
            self._second.take(self._image)
            tear(self._second, kind, block, offset, data, how)
            self.deep += 1
            self._try(self._second, "/deep", False)

    def _try(self, image, where, deep):
        try:
            mount(image, where)
        except OSError as error:
            self._note("the file system does not mount: %r" % error)
            return False
        try:

            def started():
                image.before = None

            return bool(self.check(where, self.life, started if deep else None))
        except (
            AssertionError,
            OSError,
            ValueError,
            LookupError,
            TypeError,
            AttributeError,
            NodeError,
        ) as error:
            self._note(repr(error))
            return False
        finally:
            image.before = None
            vfs.umount(where)

    def _note(self, text):
        self.failed += 1
        if len(self.failures) < 20:
            self.failures.append("cut %d.%d: %s" % (self.cuts, self.deep, text))


def play(life, folder, rounds):
    """Boots of every kind. rounds: how long each is."""
    life.start(folder)
    for i in range(rounds):  # the host is there
        life.append(EVENT if i % 9 == 4 else ROW)
        if i % 5 == 4:
            life.commit(2)
    life.stop(False)
    life.start(folder)
    for i in range(rounds * 3):  # the host is away: rows are discarded
        life.append(EVENT if i % 9 == 4 else ROW)
    life.stop(True)
    life.start(folder)
    life.commit(rounds)  # it is back, and goes again
    for _ in range(rounds * 2):  # nothing but events: these are discarded, too
        life.append(EVENT)
    life.stop(False)
    life.start(folder)
    life.append(ROW)
    life.commit(0)
    for _ in range(rounds):
        life.append(ROW)
        life.commit(1)
    life.stop(True)


def run(blocks, limit, rounds, deep_every=0):
    """Play a life with the power cut at every change; returns the figures as plain JSON types."""
    flash = Flash(blocks)
    mount(flash, "/flash", make=True)
    formatted = flash.erases + flash.programs
    life = Life(limit)
    cuts = Cuts(flash, life, deep_every=deep_every)
    play(life, "/flash", rounds)
    flash.before = None
    vfs.umount("/flash")
    return {
        "changes": flash.erases + flash.programs - formatted,
        "cuts": cuts.cuts,
        "cuts_in_recovery": cuts.deep,
        "records": len(life.acked),
        "discarded": len(life.gone),
        "got_through": cuts.through,
        "failed": cuts.failed,
        "failures": cuts.failures,
        "dirty_programs": flash.dirty,
    }


class Naive:
    """What one would write first: a log file that stays open. With `rewrite`: a JSON list that is written anew for every record."""

    def __init__(self, folder, rewrite):
        self._path = folder + "/log"
        self._rewrite = rewrite
        self._file = None if rewrite else open(self._path, "ab")
        self.records = []

    def append(self, number):
        """Log a record."""
        self.records.append(number)
        if self._rewrite:
            with open(self._path, "w") as file:
                json.dump(self.records, file)
        else:
            self._file.write(b"%d\n" % number)

    def commit(self, upto):
        """The host has everything up to here."""
        self.records = [n for n in self.records if n > upto]
        if not self._rewrite:
            self._file.close()
            os.remove(self._path)
            self._file = open(self._path, "ab")
            for number in self.records:
                self._file.write(b"%d\n" % number)

    def close(self):
        """End."""
        if self._file is not None:
            self._file.close()


def naive(blocks, rounds, rewrite):
    """The same cuts for a `Naive` log: how many records a cut loses at worst, and how many cuts lose some."""
    flash = Flash(blocks)
    mount(flash, "/flash", make=True)
    promised = set()
    lost = []
    bad = [0]

    def check(folder, _life, _deeper):
        try:
            with open(folder + "/log") as file:
                text = file.read()
            found = set(json.loads(text)) if rewrite else {int(n) for n in text.split("\n")[:-1]}
        except (OSError, ValueError):
            found = set()
        lost.append(len(promised - found))
        bad[0] += lost[-1] > 0

    log = Naive("/flash", rewrite)
    cuts = Cuts(flash, None, check=check)
    for number in range(rounds * 6):
        log.append(number)
        promised.add(number)
        if number % 20 == 19:
            promised = {n for n in promised if n > number - 5}
            log.commit(number - 5)
    flash.before = None
    log.close()
    vfs.umount("/flash")
    return {"cuts": cuts.cuts, "worst": max(lost), "cuts_that_lose": bad[0], "failed": cuts.failed}


class Wanted:
    """What may be in force after a cut: `allowed` (interval, network) pairs."""

    def __init__(self):
        self.allowed = ()


def _config(version, interval_s):
    sensor = {"id": "temp", "driver": "ds18b20", "bus": "ow0"}
    doc = {"asset": {"name": "Pump 7", "kind": "machine"}, "interval_s": interval_s, "sensors": [sensor]}
    return json.dumps({"version": version, "config": doc}).encode()


def _network(version, ssid):
    wifi = {"ssid": ssid, "password": "x" * 20}
    return json.dumps({"version": version, "network": {"wifi": wifi}}).encode()


def _accept(config, version, digest):
    """Nothing to build."""


def _started():
    found = Desiring({"ow0": "onewire"}, True)
    found.load()
    return found


def _in_force(found):
    return (found.config["interval_s"], found.node["wifi"]["ssid"])


def survive_settings(folder, wanted, deeper=None):
    """Start with the settings that a cut has left, go on with them."""
    before = os.getcwd()
    os.chdir(folder)
    try:
        found = _started()
        if deeper is not None:
            deeper()
        state = found.report["state"]
        assert _in_force(found) in wanted.allowed, "%r, %s: expected %r" % (
            _in_force(found),
            state,
            wanted.allowed,
        )
        assert state in ("applied", "trial", "rolled_back"), found.report
        for _ in range(trial.BOOTS + 1):
            found = _started()
        assert found.trial is None and _in_force(found) in wanted.allowed
        found.offer(_config(99, 99), _accept)
        found.confirm()
        again = _started()
        assert again.config["interval_s"] == 99 and again.report["state"] == "applied"
        return False
    finally:
        os.chdir(before)


def run_settings(blocks, deep_every=0):
    """Play trials of every kind with the power cut at every change; returns the figures as plain JSON types."""
    flash = Flash(blocks)
    mount(flash, "/flash", make=True)
    os.chdir("/flash")
    with open("node.json", "w") as file:
        wifi = {"ssid": "hall", "password": "old"}
        json.dump({"site": "s", "node": "n", "wifi": wifi, "broker": {"host": "h"}}, file)
    with open("config.json", "wb") as file:
        file.write(_config(1, 10))
    wanted = Wanted()
    cuts = Cuts(flash, wanted, deep_every=deep_every, check=survive_settings)

    def step(act, *allowed):
        wanted.allowed = allowed
        act()

    a, b, c, d = (10, "hall"), (20, "hall"), (30, "hall"), (20, "yard")
    live = [_started()]

    def restart():
        live[0] = _started()

    step(lambda: live[0].offer(_config(2, 20), _accept), a, b)
    step(lambda: live[0].confirm(), a, b)  # a cut in it leaves a trial, which these starts use up
    assert _in_force(live[0])[0] == 20
    step(restart, b)
    step(lambda: live[0].offer(_config(3, 30), _accept), b, c)
    for _ in range(trial.BOOTS + 1):
        step(restart, b, c)
    assert live[0].report["state"] == "rolled_back"
    step(lambda: live[0].offer(_config(4, 30), _accept), b, c)
    step(lambda: give_up("the broker was not reached"), b, c)
    step(restart, b)
    step(lambda: live[0].offer(_network(5, "moor"), _accept), b, (20, "moor"))
    step(restart, b, (20, "moor"))
    step(lambda: give_up("the broker was not reached"), b, (20, "moor"))
    step(restart, b)
    step(lambda: live[0].offer(_network(6, "yard"), _accept), b, d)
    step(restart, b, d)
    step(lambda: live[0].confirm(), b, d)
    step(restart, d)
    assert _in_force(live[0]) == d and live[0].trial is None
    flash.before = None
    os.chdir("/")
    vfs.umount("/flash")
    return {
        "cuts": cuts.cuts,
        "cuts_in_recovery": cuts.deep,
        "failed": cuts.failed,
        "failures": cuts.failures,
        "dirty_programs": flash.dirty,
    }
