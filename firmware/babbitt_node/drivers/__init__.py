"""One file a sensor. A driver gets its bus, knows registers and units, and raises NodeErrors that tell a
person where to look.
"""
