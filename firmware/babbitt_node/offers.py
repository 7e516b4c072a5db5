"""What is done with a `desired`: needed seldom, so it is reached by `port.once`.

The files, the rules and the station are the work of modules of which one is loaded at a time: never does a node have less
room than while it looks at a new configuration beside the one it runs.
"""

import gc

from babbitt_node.errors import ConfigError
from babbitt_node.hal.port import fetch, once


def offer(buses, wifi, kept, payload, try_out):
    """(what `try_out` made of a `desired` that is new and runs on trial now, or None; what `settings` keeps from now on).

    payload: bytes. try_out: function(config, version, hash) that makes what is needed to run it and raises ConfigError if the
    node cannot; it is called before anything is written.
    """
    found, kept = once("settings", "ask", wifi, kept, payload)
    if found is None:
        return None, kept
    version, hashed, doc = found
    error = None
    good = False
    try:
        config = once("config", "validate", doc, buses)
        found = doc = None
        gc.collect()
        made = try_out(config, version, hashed)
        fetch("settings")  # here, where it is not too late to refuse
        good = True
    except ConfigError as why:
        error = why
    except (MemoryError, RuntimeError):
        pass
    if good:
        taken, kept = once("settings", "keep", kept, payload, config, version, hashed)
        return made if taken else None, kept
    # An answer there must be: without one the document would come again with every connection.
    found = doc = config = made = payload = None
    gc.collect()
    return None, once("settings", "refuse", kept, version, hashed, error)
