"""The Babbitt node: sampling, features, checks and delivery without loss.

The same source runs on ESP32, on the MicroPython Unix port and on CPython.
"""

__version__ = "0.1.0"
