"""`esp` as far as the tools ask for it."""

import vworld


def flash_size():
    """Bytes of the flash chip."""
    return vworld.params.get("flash_bytes", 4194304)
