"""`esp32` as far as the node may ask for it."""

import gc

import vworld

HEAP_DATA = 4
HEAP_EXEC = 1
WAKEUP_ALL_LOW = False
WAKEUP_ANY_HIGH = True


def idf_heap_info(kind):
    """One region: (total, free, largest free block, lowest free so far), bytes; the shim knows only the
    first two.
    """
    free = gc.mem_free() if hasattr(gc, "mem_free") else 0
    total = free + (gc.mem_alloc() if hasattr(gc, "mem_alloc") else 0)
    return [(total, free, free, free)]


def wake_on_ext0(pin, level):
    """End the next deep sleep when `pin` is high: by INT1 of the accelerometer, which is wired to `wake` of board.json."""
    if not level:
        raise NotImplementedError("wake_on_ext0: low")
    vworld.wake_pin = pin.id
