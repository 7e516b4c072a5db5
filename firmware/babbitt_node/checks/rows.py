"""The settings of a check, read from its entry in the configuration by the rows of a table.

A row is (name, low, high, default):

- an integer low..high; default None: the setting may be absent
- low a tuple of texts: one of them; high is not used
- default a bool: true or false
- default (): required, a list of low..high different ids

Needed while checks are made; then it can be forgotten.
"""

from babbitt_node.checks import is_id
from babbitt_node.errors import NodeError


def read_settings(spec, table, keys):
    """The settings of `table` out of `spec`, defaults filled in. keys: names in spec that are no settings.

    Raises NodeError `config_invalid`: 'name: reason'.
    """
    names = [row[0] for row in table]
    for name in spec:
        if name not in names and name not in keys:
            detail = "%s: unknown setting; a %s has %s" % (name, spec["type"], ", ".join(names))
            raise NodeError("config_invalid", detail)
    return {row[0]: _value(spec, *row) for row in table}


def _value(spec, name, low, high, default):
    value = spec.get(name, default)
    if default == () and type(default) is tuple:
        good = type(value) is list and low <= len(value) <= high and all(is_id(one) for one in value)
        if not good or len(set(value)) < len(value):
            detail = "%s: must be a list of %d..%d different ids, not %r" % (name, low, high, value)
            raise NodeError("config_invalid", detail)
    elif type(low) is tuple:
        if type(value) is not str or value not in low:
            detail = "%s: must be one of %s, not %r" % (name, ", ".join(low), value)
            raise NodeError("config_invalid", detail)
    elif type(default) is bool:
        if type(value) is not bool:
            raise NodeError("config_invalid", "%s: must be true or false, not %r" % (name, value))
    elif value is not None or default is not None:
        if type(value) is not int:
            raise NodeError("config_invalid", "%s: must be an integer, not %r" % (name, value))
        if not low <= value <= high:
            raise NodeError("config_invalid", "%s: %d is not in %d..%d" % (name, value, low, high))
    return value
