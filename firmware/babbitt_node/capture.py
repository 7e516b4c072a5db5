"""Waveforms: what stays in memory of them, and the taking of one between records.

    waves = Captures()
    waves.alarm(node, check)                 # a check says alarm: keep what its sensor just measured, and more
    if waves.job is not None:
        await waves.step(node, left_ms)      # in the sampler's task, while there is time before the next slot

The window that lies in the buffers is written down first (what was before the trigger), then window after window
back to back as long as there is time; those of the records are taken as well. Nothing is written while a window
is open.
"""

from babbitt_node.errors import NodeError
from babbitt_node.hal import port
from babbitt_node.hal.compile import const

ALARM_EVERY_MS = const(3600000)  # a check that chatters must not wear out the flash
_MISSES = const(3)  # windows that may fail one after another
_MARGIN_MS = const(200)  # for the features and the flash


class Captures:
    """`kept`: entries [boot, number, parts, next part to send], oldest first; `taken` in this boot; `dropped`
    since the boot began, because room was needed or the file was damaged; `job`: the one being taken (a dict of
    `taking.py`), or None.
    """

    def __init__(self):
        self.kept = port.once("waves", "load")
        self.taken = self.dropped = 0
        self.job = None
        self._alarms = {}  # {check id: u of its last waveform}

    def alarm(self, node, check):
        """A check has just become an alarm. Takes a waveform if its sensor's `capture` says so, at most one an
        hour for each check.
        """
        sensor = (check.channel or "").split(".")[0]
        samples = [s.spec.get("capture", 0) for s in node.station.samplers if s.id == sensor]
        if not samples or not samples[0]:
            return
        now = node.clock.u()
        last = self._alarms.get(check.id)
        if last is not None and now - last < ALARM_EVERY_MS:
            return
        try:
            port.once("taking", "ask", node, sensor, "xyz", samples[0], "check", check.id)
            self._alarms[check.id] = now
        except NodeError as error:
            print("capture for %s: %s" % (check.id, error))

    async def step(self, node, left_ms):
        """Go on with the waveform that was asked for, by one window, if it can be had in `left_ms`. Returns whether
        there was anything to do. Raises nothing.
        """
        try:
            return self._take(node) or await self._window(node, left_ms)
        except NodeError as error:
            self._failed(node, error)
            return True

    def _sampler(self, node):
        for sampler in node.station.samplers:
            if sampler.id == self.job["sensor"] and hasattr(sampler, "held"):
                return sampler
        raise NodeError("not_available", "the configuration has no %s any more" % self.job["sensor"])

    def _take(self, node):
        """Write down the window in the buffers, if it is a new one; whether it was."""
        job = self.job
        sampler = self._sampler(node)
        found = sampler.held()
        if found is None or found[1] == job["last"]:
            return False
        axes, opened, first, span, overflow, clip, num, den = found
        job["last"] = opened
        job["misses"] = 0
        job["scale"] = (num, den)
        rate_hz = sampler.spec["rate_hz"]
        rate = span[0] * 1000000000 // span[1] if span[1] > 0 else rate_hz * 1000
        ago = port.ticks_diff(port.ticks_ms(), opened) + first * 1000 // rate_hz
        window = (node.clock.u() - ago, rate, overflow, clip)
        before = port.ticks_diff(opened, job["asked"]) < 0
        if port.once("taking", "add", node, axes, sampler.spec["window"], window, before):
            self._finish(node)
        return True

    async def _window(self, node, left_ms):
        """Take one more window if there is time for it; whether there was."""
        sampler = self._sampler(node)
        busy_ms = sampler.spec["window"] * 1000 // sampler.spec["rate_hz"]
        if left_ms < 2 * busy_ms + _MARGIN_MS:
            return False
        try:
            await sampler.again()
        except NodeError:
            self.job["misses"] += 1
            if self.job["misses"] >= _MISSES:
                if not self.job["windows"]:
                    raise
                self._finish(node)  # what there is of it
        return True

    def _finish(self, node):
        job = self.job
        entry = port.once("taking", "finish", node, job["scale"][0], job["scale"][1])
        self._answer(node, job, {"state": "done", "wave": "%d-%d" % (entry[0], entry[1])})

    def _failed(self, node, error):
        print("capture for %s: %s" % (self.job["of"], error))
        job = self.job
        port.once("taking", "abandon", node)
        self._answer(node, job, {"state": "failed", "error": error.name, "reason": error.detail[:128]})

    def _answer(self, node, job, answer):
        publisher = node.publisher
        if job["by"] == "command":
            answer["id"] = job["of"]
            answer["cmd"] = "capture"
            publisher.answer(answer)
        publisher.state_due = True
        publisher.wake()
