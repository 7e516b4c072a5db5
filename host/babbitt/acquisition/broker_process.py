"""The process of the embedded broker: ``python -m babbitt.acquisition.broker_process CONFIG.toml``.

It ends when its standard input closes, so that it never outlives the host that started it.
"""

from __future__ import annotations

import logging
import os
import sys
import threading

from iotcore import IotCoreBroker


def _end_with_parent() -> None:
    sys.stdin.buffer.read()
    os._exit(0)


def main() -> None:
    """Run the broker until the parent goes."""
    logging.basicConfig(level=logging.WARNING, format="broker: %(message)s")
    # rumqttd's tracing comes out as an error for every packet.
    logging.getLogger("rumqttd").setLevel(logging.CRITICAL)
    threading.Thread(target=_end_with_parent, daemon=True).start()
    IotCoreBroker(config_path=sys.argv[1]).run_forever()


if __name__ == "__main__":
    main()
