"""Integer signal features of a window: the same bits on an ESP32, on the MicroPython Unix port and on
CPython.
"""
