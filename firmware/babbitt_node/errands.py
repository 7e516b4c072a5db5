"""What the publisher does for commands and waveforms: answers, and the parts of what was captured.

`Publisher` is an `Errands`; it gives `_node`, `_client`, `_own`, `_room`, `_refused`, `_publish`, `state_due` and `wake()`.
"""

import gc

from babbitt_node.errors import NodeError
from babbitt_node.hal import port
from babbitt_node.hal.compile import const
from babbitt_node.mqtt.packets import PUBLISH_HEAD

_LARGEST = const(4096)  # bytes, as in `commands.py`
_COMMANDS = const(8)  # commands, and answers, that may wait; more are dropped


class Errands:
    """`reboot_due` asks for a restart of the board, once all answers are out."""

    def __init__(self):
        self._commands = []
        self._answers = []
        self.reboot_due = False

    def _errands(self):
        """Whether there is anything to do but to send waveforms."""
        return bool(self._commands or self._answers or self.reboot_due or self._node.waves.job is not None)

    async def _errand(self):
        """Do one thing; False when there is nothing to do."""
        if self._commands:
            await self._command()
        elif self._answers:
            await self._answer()
        elif self.reboot_due:
            await self._reboot()
        else:
            return False
        return True

    async def _command(self):
        payload, retained = self._commands.pop(0)
        async with self._node.quiet:
            try:
                answer, refused = port.once("commands", "take", self._node, payload, retained)
            except MemoryError:
                gc.collect()
                self._refused += 1
                print("publisher: no room for a command")
                return
        self._refused += refused
        self.state_due = self.state_due or not refused  # it tells the number of the last command taken
        if answer is not None:
            self.answer(answer)

    def answer(self, answer):
        """Have an `ack` sent: a dict as `acks.write` takes it. It is kept until the broker has it."""
        if len(self._answers) >= _COMMANDS:
            self._answers.pop(0)
        self._answers.append(answer)
        self._wake.set()

    async def _answer(self):
        answer = self._answers[0]

        def write(out):
            port.once("acks", "write", out, self._node, answer)

        await self._publish("ack", write, False)
        if self._answers and self._answers[0] is answer:
            self._answers.pop(0)

    async def _reboot(self):
        """Restart the board, without a goodbye to the broker: until the node is back its will tells that it is away."""
        async with self._node.quiet:
            self._node.stop()
            self._node.board.restart()

    async def _send_wave(self):
        """Hand out the next part of a waveform; False when there is none. It counts as sent once the broker has
        it, so that after a break it goes on with the first one that did not arrive.
        """
        waves = self._node.waves
        if not waves.kept:
            return False
        async with self._node.quiet:
            try:
                found = port.once("waves", "chunk", self._node, self._room)
            except MemoryError:  # another time: records go on
                gc.collect()
                return False
        if found is None:
            return False
        entry, part, size = found
        topic = self._own + "wave/%d-%d" % (entry[0], entry[1])
        await self._client.publish(
            topic, self._room[PUBLISH_HEAD : PUBLISH_HEAD + size], 1, False, self._room
        )
        if entry[3] == part:  # unless the host has asked for another one meanwhile
            entry[3] = part + 1
        return True

    def _on_command(self, payload, retained):
        if not len(payload):  # an empty one is how a retained message is removed
            return
        if len(self._commands) >= _COMMANDS:
            raise NodeError("busy", "cmd: %d others are waiting" % len(self._commands))
        try:
            # Of a longer one no more than shows that it is too long: eight of the broker's largest are half a heap.
            self._commands.append((bytes(payload[: _LARGEST + 1]), retained))
        except MemoryError:
            raise NodeError("memory", "cmd: %d bytes take more memory than is free" % len(payload))
