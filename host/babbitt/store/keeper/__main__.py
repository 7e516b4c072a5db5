"""The keeper's process: ``python -m babbitt.store.keeper FOLDER``.

It ends when its standard input closes, so that it never outlives the host that started it. It may be killed at any
moment.
"""

from __future__ import annotations

import logging
import os
import sys
import threading
import time
from pathlib import Path

from babbitt.errors import StoreError
from babbitt.store.child import give_way
from babbitt.store.keeper.keeper import Keeper

EVERY_S = 1.0
BACKOFF_S = (1.0, 30.0)
NICE = 19

logger = logging.getLogger("babbitt.keeper")


def _end_with_parent() -> None:
    sys.stdin.buffer.read()
    os._exit(0)


def main() -> None:
    """Keep the history of a store until the parent goes."""
    logging.basicConfig(level=logging.WARNING, format="%(asctime)s %(levelname)s keeper: %(message)s")
    threading.Thread(target=_end_with_parent, daemon=True).start()
    give_way(NICE)
    run(Path(sys.argv[1]))


def run(folder: Path, keep_on: threading.Event | None = None) -> None:
    """Keep the history of the store in ``folder``; ``keep_on`` cleared ends it. What fails is said and tried again."""
    pause, longest = BACKOFF_S
    keeper: Keeper | None = None
    while keep_on is None or keep_on.is_set():
        try:
            if keeper is None:
                keeper = Keeper(folder)
                keeper.say("")
            keeper.run_until_idle()
            if pause > BACKOFF_S[0]:
                logger.warning("the history can be written again")
                keeper.say("")
            pause = BACKOFF_S[0]
            time.sleep(EVERY_S)
        except StoreError as error:
            logger.error("%s; trying again in %.0f s", error, pause)
            if keeper is not None:
                keeper.say(str(error))
                keeper.close()
                keeper = None
            time.sleep(pause)
            pause = min(longest, pause * 2)
    if keeper is not None:
        keeper.close()


if __name__ == "__main__":
    main()
