"""Waveforms: what stays in memory of them. (Taken: `taking.py`; kept and handed out: `waves.py`.)

waves = Captures(identity.install)
waves.alarm(node, check)                   # a check says alarm: keep what its sensor just measured, and more
if waves.job is not None:
    await waves.step(node, left_ms)        # in the sampler's task, while there is time before the next slot
"""

import gc

from babbitt_node.hal import port


class Captures:
    """`kept`: entries [boot, number, parts, next part to send], oldest first; `taken` in this boot; `dropped`
    since the boot began, because room was needed or the file was damaged; `job`: the one being taken (a dict of
    `taking.py`), or None; `alarms`: {check id: u of its last waveform}.
    """

    def __init__(self, install):
        self.kept = port.once("waves", "load", install)
        self.taken = self.dropped = 0
        self.job = None
        self.alarms = {}

    def alarm(self, node, check):
        """A check has just become an alarm. Raises nothing."""
        try:
            port.once("taking", "alarm", node, check)
        except MemoryError:
            gc.collect()
            print("capture for %s: not enough free memory" % check.id)

    async def step(self, node, left_ms):
        """Go on with the waveform that was asked for, by one window, if it can be had in `left_ms`. Returns whether
        there was anything to do. Raises nothing.
        """
        try:
            taking = __import__("babbitt_node.taking", None, None, ("step",))
            return await taking.step(node, left_ms)
        except MemoryError:
            job, self.job = self.job, None
            if job is None:  # it is complete, only the word about it found no room
                return True
            job["file"] = None  # what is left of it is removed at the next start, or overwritten
            gc.collect()
            print("capture for %s: not enough free memory" % job["of"])
            if job["by"] == "command":
                node.publisher.answer(
                    {"id": job["of"], "cmd": "capture", "state": "failed", "error": "memory"}
                )
            return True
        finally:
            if self.job is None:
                port.forget("taking", "waves")
