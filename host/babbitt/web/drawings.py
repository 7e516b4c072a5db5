"""Drawings of what waveforms told, each made in a process of its own (``babbitt.redraw``): a second of arithmetic must not hold up the
page or the host. One at a time; the newest few are kept."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from collections import OrderedDict
from pathlib import Path

from babbitt.errors import BabbittError
from babbitt.protocol.cause import Examined

KEPT = 8
PATIENCE_S = 60.0
_made: OrderedDict[tuple[Path, str, int], bytes] = OrderedDict()


class NotDrawn(BabbittError):
    """There is no drawing: the text says why."""


class _Turn:
    """Whose turn it is; a lock belongs to the loop that runs, and servers come and go."""

    loop: asyncio.AbstractEventLoop | None = None
    lock = asyncio.Lock()

    @classmethod
    def of_this_loop(cls) -> asyncio.Lock:
        if cls.loop is not (loop := asyncio.get_running_loop()):
            cls.loop, cls.lock = loop, asyncio.Lock()
        return cls.lock


async def drawing(store: Path, one: Examined) -> bytes:
    """The drawing (SVG) of what a waveform told. Raises NotDrawn."""
    if not one.found:
        raise NotDrawn(f"there is nothing to draw: {one.text or one.words}")
    key = (store, one.wave, one.made)
    async with _Turn.of_this_loop():
        if key not in _made:
            _made[key] = await asyncio.to_thread(_draw, store, one.wave)
            while len(_made) > KEPT:
                _made.popitem(last=False)
        return _made[key]


def _draw(store: Path, wave: str) -> bytes:
    line = [sys.executable, "-m", "babbitt.redraw", str(store), wave]
    try:
        done = subprocess.run(
            line, stdin=subprocess.DEVNULL, capture_output=True, timeout=PATIENCE_S, check=False
        )
    except subprocess.TimeoutExpired:
        raise NotDrawn(f"it was not drawn within {PATIENCE_S:.0f} s") from None
    if done.returncode:
        said = done.stderr.decode("utf-8", "replace").strip().splitlines()
        raise NotDrawn(f"it cannot be drawn: {said[-1] if said else 'see the host log'}")
    return done.stdout
