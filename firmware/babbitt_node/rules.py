"""Rules for JSON documents that say where they are broken: the small parts of which `config.py` is made."""

from babbitt_node.errors import ConfigError


def shown(value):
    """A value as it is quoted in a reason: short."""
    text = repr(value)
    return text if len(text) <= 40 else text[:37] + "..."


def sayable(text):
    """`text` as a message can carry it: a name out of a hostile document may have no UTF-8 form, and is of any
    length.
    """
    text = text[:128]
    for c in text:
        if not " " <= c <= "~":  # seldom: a list of them takes room
            return "".join([c if " " <= c <= "~" else "?" for c in text])
    return text


def join(path, key):
    """Path of a key below a path."""
    return "%s.%s" % (path, key) if path else key


def an_object(value, path, keys):
    """Check for an object without unknown keys. Raises ConfigError that names the nearest known key."""
    if type(value) is not dict:
        raise ConfigError(path, "expected an object {...}, got %s" % shown(value))
    for key in value:
        if key not in keys:
            near = nearest(key, keys)
            hint = ": did you mean '%s'?" % near if near else "; known: %s" % ", ".join(keys)
            raise ConfigError(join(path, key), "unknown key" + hint)
    return value


def a_guarded(doc, key, keys):
    """`doc[key]` as an_object, but what stands there instead is not shown: it may be a password."""
    if type(doc[key]) is not dict:
        raise ConfigError(key, "expected an object {...}")
    return an_object(doc[key], key, keys)


def a_list(value, path, low, high):
    """Check for a list of low..high entries."""
    if type(value) is not list:
        raise ConfigError(path, "expected a list [...], got %s" % shown(value))
    if not low <= len(value) <= high:
        raise ConfigError(path, "expected %d to %d entries, got %d" % (low, high, len(value)))
    return value


def an_int(doc, path, key, low, high, default=None):
    """The integer `doc[key]` in low..high, or the default (None: the key is required)."""
    if key not in doc and default is not None:
        return default
    value = _required(doc, path, key)
    if type(value) is not int:
        raise ConfigError(join(path, key), "expected an integer %d..%d, got %s" % (low, high, shown(value)))
    if not low <= value <= high:
        raise ConfigError(join(path, key), "expected %d..%d, got %s" % (low, high, shown(value)))
    return value


def one_of(doc, path, key, choices, default=None):
    """`doc[key]`, one of `choices`, or the default (None: the key is required)."""
    if key not in doc and default is not None:
        return default
    value = _required(doc, path, key)
    for choice in choices:
        if type(value) is type(choice) and value == choice:
            return value
    expected = ", ".join(str(choice) for choice in choices)
    near = nearest(value, choices) if type(value) is str else None
    hint = ": did you mean '%s'?" % near if near else ""
    if near and len(expected) > 60:  # a reason is short, and the hint is its best part
        expected = expected[:57] + "..."
    raise ConfigError(join(path, key), "expected one of %s, got %s%s" % (expected, shown(value), hint))


def a_text(doc, path, key, low, high, letters=None):
    """The string `doc[key]` of low..high characters, only `letters` if given. Required."""
    value = _required(doc, path, key)
    if type(value) is not str or not low <= len(value) <= high:
        raise ConfigError(
            join(path, key), "expected text of %d to %d characters, got %s" % (low, high, shown(value))
        )
    for c in value:
        if letters is not None and c not in letters:
            raise ConfigError(join(path, key), "expected only %s, got %s" % (_brief(letters), shown(value)))
        if (
            ord(c) < 32 or 0xD800 <= ord(c) <= 0xDFFF
        ):  # half of a pair has no UTF-8 form: no birth could say it
            raise ConfigError(join(path, key), "expected no control characters, got %s" % shown(value))
    return value


def settings(doc, path, rows):
    """{name: value} of settings described by rows: (name, choices, default), (name, low, high, default) for an
    integer, (name, letters, length, default) for a text of just that length, or (name, default) for what its driver or
    sampler looks at itself. A default of None: the setting may be absent or null, and is None then.
    """
    found = {}
    for row in rows:
        name = row[0]
        default = row[-1]
        if default is None and doc.get(name) is None:
            found[name] = None
        elif len(row) == 2:
            found[name] = doc.get(name, default)
        elif len(row) == 3:
            found[name] = one_of(doc, path, name, row[1], default)
        elif type(row[1]) is str:
            found[name] = a_text(doc, path, name, row[2], row[2], row[1])
        else:
            found[name] = an_int(doc, path, name, row[1], row[2], default)
    return found


def every_s(spec, path, interval_s):
    """Check that `spec["every_s"]` gives a reading at least once a record, and fill its default."""
    if spec["every_s"] is None:
        spec["every_s"] = min(5, interval_s)
    if spec["every_s"] > interval_s:
        reason = "%d s is more than interval_s, %d s" % (spec["every_s"], interval_s)
        raise ConfigError(path + ".every_s", reason)


def _required(doc, path, key):
    if key not in doc:
        raise ConfigError(join(path, key), "missing, and there is no default")
    return doc[key]


def _brief(letters):
    text = letters.replace("abcdefghijklmnopqrstuvwxyz", "a-z ").replace("0123456789", "0-9 ")
    return text.strip()


def nearest(word, known):
    """The known word at most two edits away, or None. Method: Levenshtein distance, one row at a time."""
    best, limit = None, 3
    for other in known:
        if type(other) is not str or abs(len(other) - len(word)) > 2:
            continue
        row = list(range(len(other) + 1))
        for i in range(len(word)):
            corner, row[0] = row[0], i + 1
            for j in range(len(other)):
                cost = min(row[j + 1] + 1, row[j] + 1, corner + (word[i] != other[j]))
                corner, row[j + 1] = row[j + 1], cost
        if row[-1] < limit and row[-1] < len(word):
            best, limit = other, row[-1]
    return best
