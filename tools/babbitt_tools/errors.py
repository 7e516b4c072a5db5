"""Errors of the tools.

BabbittError
+-- BoardError        a virtual board that cannot be made, started or served
+-- RecordingError    a recording that is not there or cannot be read
+-- ScenarioError     a scenario that cannot be played
"""

from __future__ import annotations

from babbitt.errors import BabbittError


class BoardError(BabbittError):
    """A virtual board cannot be made, started or served; the text says what to do."""


class RecordingError(BabbittError):
    """A recording is not there or cannot be read; the text says what there is and where it was looked for."""


class ScenarioError(BabbittError):
    """A scenario that cannot be played; the text names file and key and says what may stand there."""
