"""What the spool does seldom: it is opened, and it makes room when it is full. Reached by `port.once`.

    once("upkeep", "begin", spool)           # at the start: finds the segments, finishes an intended discard
    once("upkeep", "make_room", spool)       # discards the oldest rows, or events; whether anything went

The rules are those of `spool.py`.
"""

import json
from binascii import crc32

from babbitt_node import segment
from babbitt_node.segment import FRAME, HEADER, ROW
from babbitt_node.shelf import Segment

_STATE_MAX = 1024  # bytes of state.json: 8 ranges and the rest take 500 at most


def begin(spool):
    """Read what earlier boots left and set `watermark`, `discards`, `last`, `corrupt`, `foreign`, `torn`."""
    cut = _load(spool)
    shelf = spool.shelf
    _open(spool, shelf)
    if shelf.items:
        spool.last = shelf.items[-1].last
    if cut is not None:
        for found in shelf.items:
            if found.number == cut[0]:
                _cut(spool, found, cut[1])
                break
        spool.save()


def _load(spool):
    """Read state.json; returns the discard that was intended, or None."""
    try:
        with open(spool.state, "rb") as file:
            body, _, check = file.read(_STATE_MAX).rpartition(b"\n")
        if crc32(body) != int(check):  # one wrong digit of the watermark, and records were never sent
            raise ValueError("its CRC is wrong")
        state = json.loads(body)
        if state["i"] != spool.install:
            return None
        spool.discards.load(state["discards"])
        boot, seq = state["watermark"]
        spool.watermark = (int(boot), int(seq))
        return state["cut"]
    except OSError:
        return None  # the first start
    except (ValueError, KeyError, TypeError) as error:
        print("spool: state.json is damaged, counting discards from 0:", error)
        return None


def _open(spool, shelf):
    """Find the segments, throw away those of another installation, cut off torn ends."""
    for number in segment.names(shelf.folder):
        shelf.next_number = number + 1
        found, ours, end = _scan(spool, shelf, number)
        if not ours or found.first is None:
            spool.foreign += 0 if ours else found.left
            shelf.delete(number)
            continue
        shelf.items.append(found)
        if end > found.size:
            spool.torn = True
            _rewrite(shelf, [found], found, True, spool.watermark)


def _scan(spool, shelf, number):
    """(segment, whether it is of this installation, bytes of the file).

    Frames that do not go upwards are left over from an interrupted merge and not counted.
    """
    found = Segment(number)
    header = segment.read_header(shelf.path(number))
    ours = header is None or header[0] == shelf.install
    previous = shelf.items[-1].last if ours and shelf.items else (0, -1)
    reader = shelf.reader
    reader.gaps = 0
    with open(shelf.path(number), "rb") as file:
        end = file.seek(0, 2)
        for n in reader.each(file, HEADER, end, shelf.buf):
            found.size = reader.at
            key = (reader.boot, reader.seq)
            if key > previous:
                found.count(key, reader.what, FRAME + n, spool.watermark)
                previous = key
    if ours:
        spool.corrupt += reader.gaps + (header is None and found.first is not None)
    return found, ours, end


def _rewrite(shelf, sources, target, whole, watermark):
    """Replace segment `target` by the frames of `sources`: all, or only events above the watermark.

    Returns the new Segment, which has the place and the number of the old one.
    """
    made = Segment(target.number)
    temporary = shelf.folder + "/segment.new"
    reader = shelf.reader
    with open(temporary, "wb") as out:
        out.write(segment.pack_header(shelf.install, shelf.boot))
        for source in sources:
            for n in _frames(shelf, source):
                key = (reader.boot, reader.seq)
                if made.last is not None and key <= made.last:
                    continue
                if whole or (reader.what != ROW and key > watermark):
                    kind = segment.kind_of(reader.what, reader.quality)
                    frame = segment.pack_frame(shelf.out, kind, key[0], key[1], shelf.buf[:n])
                    out.write(memoryview(shelf.out)[:frame])
                    made.size += frame
                    made.count(key, reader.what, frame, watermark)
        out.flush()
    shelf.close_reader()
    segment.replace(temporary, shelf.path(target.number))
    shelf.items[shelf.items.index(target)] = made
    shelf.edition += 1
    return made


def _frames(shelf, found):
    """Yield the payload's length of every good frame of a segment; `reader` and `buf` hold the frame."""
    with open(shelf.path(found.number), "rb") as file:
        for n in shelf.reader.each(file, HEADER, found.size, shelf.buf):
            yield n


def make_room(spool):
    """Discard the oldest rows, or if there are none the oldest events. Returns whether anything went."""
    closed = spool.shelf.closed()
    for found in closed:
        if found.rows:
            return _discard(spool, found, False)
    return bool(closed) and _discard(spool, closed[0], True)


def _discard(spool, found, events_too):
    reader = spool.shelf.reader
    previous = spool.watermark
    for _ in _frames(spool.shelf, found):
        key = (reader.boot, reader.seq)
        if key > previous:
            previous = key
            if events_too or reader.what == ROW:
                spool.discards.note(key[0], key[1], reader.what == ROW)
    spool.save([found.number, events_too])
    _cut(spool, found, events_too)
    spool.tally()
    return True


def _cut(spool, found, events_too):
    """Drop the rows (and events) of a segment; what stays joins the segment before it if it fits."""
    shelf = spool.shelf
    at = shelf.items.index(found)
    before = shelf.items[at - 1] if at else None
    if events_too:
        shelf.remove(found)
    elif before is not None and not before.rows and before.size + found.event_bytes <= spool.full:
        _rewrite(shelf, [before, found], before, False, spool.watermark)
        shelf.remove(found)
    else:
        made = _rewrite(shelf, [found], found, False, spool.watermark)
        if made.first is None:
            shelf.remove(made)
