"""Every error the host raises on purpose, so that callers can tell them apart and say them in one clear line.

    BabbittError
    ├── ProtocolError        a message breaks a rule of docs/protocol.md
    │   └── VersionError     its major version is not ours
    ├── BrokerError          the embedded broker does not start, or a broker cannot be reached
    ├── StoreError           the store cannot be opened, read or written
    │   ├── StoreMissing     there is no store in that folder yet
    │   ├── DamagedLog       a row of the record log does not fit its checksum
    │   └── StoreVersionError  it was written by a newer version of the program
    ├── SettingsError        babbitt.toml cannot be read, or says what cannot be
    ├── ImportFailed         a file of measured values cannot be taken in
    ├── BackupError          a backup cannot be made, or is not what it was
    ├── ExportError          values cannot be written to a file
    ├── UnknownNode          the store has never heard of that node
    ├── UnknownChannel       the node has no such channel
    ├── UnknownEvent         the store has no such event
    ├── MarkRefused          what a person says of an alarm or of the life of a machine cannot be kept
    ├── BacktestError        what is in the store cannot be judged again as asked
    ├── ModelError           a fleet cannot be learnt from, or a model's file is not as it should be
    ├── UnknownBearing       a bearing is not in the catalogue, and its geometry was not given
    ├── FactsRefused         what is said of a machine cannot be
    ├── NotEnough            a waveform is too short, or does not change: nothing can be told from it
    ├── UnknownWave          the store has no such waveform
    ├── CheckUnknown         a node has checks that this program cannot judge again
    ├── ConfigRefused        a node's configuration is not valid, or the node refused it
    ├── CommandRefused       a node refused a command or could not carry it out
    └── NodeSilent           a node does not answer, or takes no commands

Anything else that escapes is a defect of the program, and is shown with its traceback.
"""

from __future__ import annotations


class BabbittError(Exception):
    """Base of all errors the host raises on purpose; ``str()`` is one line in plain words for the user."""


class ProtocolError(BabbittError):
    """A message breaks a rule of the wire protocol.

    ``reason`` says what is wrong in plain words; ``path`` says where, as ``rows[3][1]``, or is empty for the
    message as a whole.
    """

    def __init__(self, reason: str, path: str = "") -> None:
        super().__init__(f"{path}: {reason}" if path else reason)
        self.reason = reason
        self.path = path


class VersionError(ProtocolError):
    """The topic carries a major version of the protocol that this host does not speak."""


class BrokerError(BabbittError):
    """The embedded broker does not start, or a broker cannot be reached."""


class StoreError(BabbittError):
    """The store cannot be opened, read or written."""


class StoreMissing(StoreError):
    """There is no store in the folder yet."""


class DamagedLog(StoreError):
    """A row of the record log does not fit its checksum, or is none."""


class StoreVersionError(StoreError):
    """The store was written by a newer version of the program."""


class SettingsError(BabbittError):
    """The settings cannot be read, or one of them cannot be."""


class ImportFailed(BabbittError):
    """A file of measured values cannot be taken in."""


class BackupError(BabbittError):
    """A backup cannot be made, or is not what it was."""


class ExportError(BabbittError):
    """Values cannot be written to a file."""


class UnknownNode(BabbittError):
    """The store has never heard of that node."""


class UnknownChannel(BabbittError):
    """The node has no channel of that name."""


class UnknownEvent(BabbittError):
    """The store has no event of that number."""


class MarkRefused(BabbittError):
    """What is said cannot be kept: an event is no alarm, a verdict is none, someone has seen it already, a time is still to come."""


class ConfigRefused(BabbittError):
    """A configuration document is not valid, or the node refused it."""


class BacktestError(BabbittError):
    """What is in the store cannot be judged again as asked."""


class ModelError(BabbittError):
    """A fleet cannot be learnt from, or a model's file is not as it should be."""


class UnknownBearing(BabbittError):
    """A bearing is not in the catalogue, and its geometry was not given."""


class FactsRefused(BabbittError):
    """What is said of a machine cannot be: ``name`` is the fact, ``reason`` why."""

    def __init__(self, name: str, reason: str) -> None:
        super().__init__(f"{name}: {reason}")
        self.name = name
        self.reason = reason


class NotEnough(BabbittError):
    """A waveform is too short, or does not change: nothing can be told from it."""


class UnknownWave(BabbittError):
    """The store has no waveform of that id."""


class CommandRefused(BabbittError):
    """A node refused a command, or could not carry it out."""


class NodeSilent(BabbittError):
    """A node does not answer, or is one that takes no commands."""


class CheckUnknown(BabbittError):
    """A node has checks, or settings of checks, that this program does not know: it cannot judge them again."""
