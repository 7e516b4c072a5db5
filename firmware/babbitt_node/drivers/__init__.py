"""One file a sensor. A driver gets its bus, knows registers and units, and raises NodeErrors that tell a
person where to look.

A driver module of NAMES says about itself, for the configuration and the station:

- KIND: the kind of its sampler, one of `samplers.KINDS`.
- BUSES: the bus types of board.json it can sit on.
- SETTINGS: rows of settings beside `id`, `driver`, `bus` and those of its sampler, as `rules.settings` reads them.
- ADDRESS, where `address` may be absent: the one it has on I2C then.
- DEVICE: its class; made as `DEVICE(bus, setting, ...)` in the order of SETTINGS.
- `check(spec, path, bus)`, where it has one: raises ConfigError for what single settings do not tell, and fills what
  depends on others. `bus` is the type of its bus, None where the board is not known.

Only the drivers that a configuration names are imported.
"""

NAMES = (
    "adxl345",
    "lis3dh",
    "mpu6050",
    "iis3dwb",
    "ds18b20",
    "max31865",
    "tmp117",
    "sht3x",
    "analog",
    "digital",
    "tacho",
)


def module(name):
    """The module of a driver of NAMES."""
    return __import__("babbitt_node.drivers." + name, None, None, ("DEVICE",))
