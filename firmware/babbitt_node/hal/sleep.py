"""Deep sleep: all of the board but its clock and its RTC memory is off, and it starts anew afterwards.

The RTC memory (at most LARGEST bytes) survives the sleep and nothing else; it costs no flash.
"""

import machine

LARGEST = 2048


def recall():
    """What `remember` kept, as bytes; empty when the power was off."""
    return bytes(machine.RTC().memory())


def remember(data):
    """Keep `data`. Raises ValueError beyond LARGEST."""
    machine.RTC().memory(data)


def deep_sleep(ms):
    """Sleep for `ms`; does not return."""
    machine.deepsleep(ms)
