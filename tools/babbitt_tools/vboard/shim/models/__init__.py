"""Register-level models of sensors, after their data sheets. They run on MicroPython and on CPython."""
