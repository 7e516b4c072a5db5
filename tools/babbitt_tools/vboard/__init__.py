"""The virtual board: the real firmware on a PC, with modelled sensors and a clock that need not wait.

`VirtualBoard` runs it, a `World` says what its sensors feel, `shim/` stands in for the hardware modules of
MicroPython.
"""
