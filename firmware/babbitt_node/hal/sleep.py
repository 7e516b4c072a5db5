"""Deep sleep: all of the board but its clock and its RTC memory is off, and it starts anew afterwards.

The RTC memory (at most LARGEST bytes) survives the sleep and nothing else; it costs no flash.
"""

import machine

LARGEST = 2048
_GPIO_WAKE = 7  # ESP_SLEEP_WAKEUP_GPIO, for which `machine` has no name


def recall():
    """What `remember` kept, as bytes; empty when the power was off."""
    return bytes(machine.RTC().memory())


def remember(data):
    """Keep `data`. Raises ValueError beyond LARGEST."""
    machine.RTC().memory(data)


def by_pin():
    """Whether a pin ended the sleep before this start."""
    return machine.wake_reason() in (machine.EXT0_WAKE, _GPIO_WAKE)


def deep_sleep(ms, pin=None):
    """Sleep for `ms`, or until `pin` is high; does not return."""
    if pin is not None:
        import esp32

        pin = machine.Pin(pin, machine.Pin.IN)
        if hasattr(esp32, "wake_on_ext0"):
            esp32.wake_on_ext0(pin, esp32.WAKEUP_ANY_HIGH)
        else:  # an ESP32-C3 has no such thing
            esp32.wake_on_gpio((pin,), esp32.WAKEUP_ANY_HIGH)
    machine.deepsleep(ms)
