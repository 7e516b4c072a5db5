"""What a crash leaves on flash, for people and for the next birth. Reached by `port.once`.

    once("crash", "keep", text, settings)      # crash.txt; passwords blotted out; the line for the birth
    once("crash", "untold")                    # the line of a crash that no birth has told yet, or None
    once("crash", "told")                      # it becomes crash.told.txt

One crash is kept, the newest, with at most LARGEST bytes: the end of the traceback, where it happened.
"""

import os

FILE = "crash.txt"
TOLD = "crash.told.txt"
LARGEST = 2048
_LINE = 128
_SECRET = ("password", "secret", "key", "token", "pin")


def keep(text, settings):
    """Write a traceback down, unless it is the one that is there. settings: node settings, whose secrets are not written.

    Returns the line for the birth. Raises nothing: a crash must not crash once more.
    """
    text = text.strip()
    for secret in secrets(settings):
        text = text.replace(secret, "***")
    text = text[-LARGEST:]
    try:
        if _read(FILE) != text:
            with open(FILE, "w") as file:
                file.write(text)
    except OSError as error:
        print("crash.txt:", error)
    return line(text)


def untold():
    """The line of the crash that is still to be told, or None."""
    text = _read(FILE)
    return line(text) if text else None


def told():
    """The broker has it."""
    try:
        os.rename(FILE, TOLD)
    except OSError:
        pass  # there is none, or the flash does not take it: it is told once more


def line(text):
    """A traceback as one line of at most 128 printable characters: what, and where. Both runtimes' form."""
    lines = [part.strip() for part in text.split("\n") if part.strip()]
    if not lines:
        return "unknown"
    where = ""
    for part in lines:
        if part.startswith('File "'):
            path, _, rest = part[6:].partition('"')
            where = path.replace("\\", "/").split("/")[-1] + rest.replace(", line ", ":").replace(
                ", in ", " "
            )
    said = lines[-1]
    if where:
        said = "%s (%s)" % (said[: max(16, _LINE - len(where) - 3)], where)
    return "".join([c if " " <= c <= "~" else "?" for c in said[:_LINE]])


def secrets(doc):
    """The texts in a document that stand under a name of a secret, and nothing so short that half a page would be blotted out."""
    found = []
    for name in doc or ():
        value = doc[name]
        if isinstance(value, dict):
            found += secrets(value)
        elif isinstance(value, str) and len(value) >= 4 and any(word in name for word in _SECRET):
            found.append(value)
    return found


def _read(path):
    try:
        if os.stat(path)[6] > 2 * LARGEST:
            return ""
        with open(path) as file:
            return file.read()
    except (OSError, ValueError):
        return ""
