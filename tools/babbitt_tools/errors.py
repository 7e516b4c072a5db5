"""Errors of the tools.

BabbittError
+-- BoardError        a board, virtual or real, that cannot be made, started, reached or written
|   +-- PortError     a serial port that is not there, busy, or on which nobody answers as a board does
|   +-- FlashError    esptool cannot do it; the board is as it was unless the text says otherwise
|   +-- NodeAnswer    the program on the node failed
+-- RecordingError    a recording that is not there or cannot be read
+-- ScenarioError     a scenario that cannot be played
"""

from __future__ import annotations

from babbitt.errors import BabbittError


class BoardError(BabbittError):
    """A board cannot be made, started, reached or written; the text says what to do."""


class PortError(BoardError):
    """A serial port is not there, is busy, or nobody answers on it as a board does; the text says what to do."""


class FlashError(BoardError):
    """Flashing did not succeed. The text says whether anything was written, and what to do."""


class NodeAnswer(BoardError):
    """What was run on the node failed there; the text ends with what it said."""


class RecordingError(BabbittError):
    """A recording is not there or cannot be read; the text says what there is and where it was looked for."""


class ScenarioError(BabbittError):
    """A scenario that cannot be played; the text names file and key and says what may stand there."""
