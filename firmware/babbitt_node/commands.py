"""Commands: what the host asks a node to do once. Reached by `port.once`, between two windows.

A command names this installation, this boot and a number above that of every command this boot has taken, so
none can be played again: not a recorded one, not one that the broker kept, not one for the boot before. The
number is used up even if the command is refused afterwards for what it asks; otherwise it could be played
again when the answer would be another one. Nothing of this has to be kept over a restart.

Every command is answered by an `ack` if its id can be read. `DOERS` is what there is: a command is one function
of (node, document, answer), which raises NodeError to refuse and may leave words in the answer.
"""

import gc

from babbitt_node.errors import NodeError
from babbitt_node.hal import port
from babbitt_node.wire import get_int, get_str, read_object

LARGEST = 4096
STEP = 1000  # a number further ahead is a mistake, and would leave none for others
ID = 16
_LETTERS = "abcdefghijklmnopqrstuvwxyz0123456789-"
_HEAD = 256  # bytes in which the id of a command is looked for that cannot be read as a whole


def take(node, payload, retained):
    """Carry out a command. Returns (answer, refused): the answer is a dict for `acks.write`, or None where no id
    can be read. Raises nothing but defects.

    payload: bytes. retained: whether the broker had kept it.
    """
    answer = {"id": None, "cmd": "", "state": "refused"}
    try:
        doc = _read(payload, answer)
        _admit(node, doc, retained)
        name = get_str(doc, "cmd", 16)
        answer["cmd"] = _sayable(name)
        doer = DOERS.get(name)
        if doer is None:
            raise NodeError("bad_message", "cmd: unknown; known: %s" % ", ".join(sorted(DOERS)))
        doer(node, doc, answer)
        if answer["state"] == "refused":
            answer["state"] = "done"
        refused = False
    except (NodeError, MemoryError) as error:
        if isinstance(error, MemoryError):
            gc.collect()
            error = NodeError("memory", "this node has no room for it now")
        answer["state"] = "refused"
        answer["error"] = error.name
        answer["reason"] = _sayable(error.detail)
        refused = True
        print("command %s %s refused: %s" % (answer["id"], answer["cmd"], answer["reason"]))
    return (answer if answer["id"] else None), refused


def _sayable(text):
    """A text as an `ack` can carry it."""
    for c in text:
        if not " " <= c <= "~":
            return port.once("rules", "sayable", text)
    return text[:128]


def _read(payload, answer):
    try:
        if len(payload) > LARGEST:
            raise NodeError("too_large", "larger than %d bytes" % LARGEST)
        doc = read_object(payload, LARGEST)
    except NodeError:
        answer["id"] = _find_id(payload)
        raise
    name = get_str(doc, "id", ID)
    if not _is_id(name):
        raise NodeError("bad_message", "id: only a-z, 0-9 and -")
    answer["id"] = name
    return doc


def _find_id(payload):
    """The id at the beginning of a command that is too large or no JSON, or None."""
    head = bytes(memoryview(payload)[:_HEAD])
    at = head.find(b'"id":"') + 6
    end = head.find(b'"', at)
    if at < 6 or not 1 <= end - at <= ID:
        return None
    name = "".join([chr(c) for c in head[at:end]])
    return name if _is_id(name) else None


def _is_id(name):
    return all(c in _LETTERS for c in name)


def _admit(node, doc, retained):
    """Let a command pass that is meant for this boot and is new. Raises NodeError bad_message, replayed."""
    if retained:
        raise NodeError("replayed", "retained: a command that the broker keeps may be old")
    if get_str(doc, "i", 8) != node.identity.install:
        raise NodeError("replayed", "i: for another installation")
    if get_int(doc, "boot", 1, 0x7FFFFFFF) != node.identity.boot:
        raise NodeError("replayed", "boot: for boot %d, this is %d" % (doc["boot"], node.identity.boot))
    n = get_int(doc, "n", 1, 0x7FFFFFFF)
    if n <= node.taken:
        raise NodeError("replayed", "n: %d is not above %d, the last one taken" % (n, node.taken))
    if n > node.taken + STEP:
        raise NodeError(
            "bad_message", "n: %d is more than %d above %d, the last one taken" % (n, STEP, node.taken)
        )
    node.taken = n


# ---- what there is


def _capture(node, doc, answer):
    axes = doc.get("axes", "xyz")
    if axes not in ("x", "y", "z", "xy", "xz", "yz", "xyz"):
        raise NodeError("bad_message", "axes: one of x, y, z, xy, xz, yz, xyz is expected")
    samples = get_int(doc, "samples", 64, 16384) if "samples" in doc else None
    sensor = get_str(doc, "sensor", 32) if "sensor" in doc else None
    port.once("waves", "ask", node, sensor, axes, samples, "command", answer["id"])
    node.replan()
    answer["state"] = "taken"


def _wave(node, doc, answer):
    done = doc.get("done", False)
    if done is not True and done is not False:
        raise NodeError("bad_message", "done: true or false is expected")
    part = get_int(doc, "part", 0, 65535) if "part" in doc else 0
    port.once("waves", "drop" if done else "again", node, get_str(doc, "wave", ID), part)


def _checks_of(doc):
    """The ids of the checks meant, or None for all."""
    ids = doc.get("checks")
    if ids is None:
        return None
    if not isinstance(ids, list) or not 1 <= len(ids) <= 32:
        raise NodeError("bad_message", "checks: a list of 1 to 32 ids is expected")
    for name in ids:
        if not isinstance(name, str):
            raise NodeError("bad_message", "checks: a list of texts is expected")
    return ids


def _relearn(node, doc, answer):
    answer["checks"] = node.station.relearn(_checks_of(doc))


def _release(node, doc, answer):
    answer["checks"] = node.station.release(_checks_of(doc))


def _recipe(node, doc, answer):
    node.station.set_recipe(get_int(doc, "recipe", 0, 255))


def _identify(node, doc, answer):
    node.identify(get_int(doc, "seconds", 1, 600))


def _reboot(node, doc, answer):
    node.publisher.reboot_due = True  # once the answer is out


def _report(node, doc, answer):
    node.publisher.birth_due = True


DOERS = {
    "capture": _capture,
    "wave": _wave,
    "relearn": _relearn,
    "release": _release,
    "recipe": _recipe,
    "identify": _identify,
    "reboot": _reboot,
    "report": _report,
}
