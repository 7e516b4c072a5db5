"""Texts for people, on flash until they are needed.

The tools take the texts out of the modules when they compile the firmware (`babbitt_tools/slim.py`) and put
them into `texts.txt` beside this module; modules that run as they were written have theirs in themselves.
"""

_TABLE = __file__.rsplit("/", 1)[0] + "/texts.txt"


def text(at, size):
    """The text of `size` bytes at offset `at` of the table. Raises nothing but MemoryError: an error must not
    fail for want of its words.
    """
    try:
        with open(_TABLE, "rb") as file:
            file.seek(at)
            return file.read(size).decode()
    except (OSError, ValueError) as error:
        return "text %d (%s: %r)" % (at, _TABLE, error)
