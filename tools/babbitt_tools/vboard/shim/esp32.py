"""`esp32` as far as the node may ask for it."""

import gc

HEAP_DATA = 4
HEAP_EXEC = 1


def idf_heap_info(kind):
    """One region: (total, free, largest free block, lowest free so far), bytes; the shim knows only the
    first two.
    """
    free = gc.mem_free() if hasattr(gc, "mem_free") else 0
    total = free + (gc.mem_alloc() if hasattr(gc, "mem_alloc") else 0)
    return [(total, free, free, free)]
