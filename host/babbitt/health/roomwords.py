"""What a cold room does, in words, for page and command line alike: pure functions."""

from __future__ import annotations

from babbitt.protocol.room import Goods, Room


def hours_left(goods: Goods) -> str:
    """When the goods leave their limit, or why no time is told."""
    left = goods.to_limit
    if left is None:
        return "no time is told: only in a fault there is one"
    if left.p50 <= 0.0:
        return "beyond their limit"
    digits = 1 if left.p50 < 10.0 else 0
    return f"{left.p50:.{digits}f} h to their limit ({left.p10:.{digits}f} to {left.p90:.{digits}f})"


def goods_between(goods: Goods) -> str:
    """The temperature of the goods and where it lies, degrees C."""
    return f"{goods.middle:.1f} °C ({goods.low:.1f} to {goods.high:.1f})"


def doors(room: Room) -> str | None:
    """Openings since midnight UTC; ~ where no contact told them; None: nothing shows them."""
    return _count(room, "door", room.openings, room.open_min)


def defrosts(room: Room) -> str | None:
    """Defrosts since midnight UTC, likewise."""
    return _count(room, "defrost", room.defrosts, None)


def _count(room: Room, role: str, count: float | None, minutes: float | None) -> str | None:
    if count is None:
        return None
    sign = "" if role in room.by_contact else "~"
    return f"{sign}{count:.0f}" + ("" if minutes is None else f", {sign}{minutes:.0f} min open")


def cooling(room: Room) -> list[tuple[str, str]]:
    """What is known of the last days: duty cycle, pull-down, recovery, power."""
    known = (
        ("duty cycle", room.duty, 100.0, "%"),
        ("pull-down", room.pull_k_h, 1.0, "K/h"),
        ("recovery", room.recovery_min, 1.0, "min"),
        ("cooling power", room.power, 100.0, "% of its beginning"),
    )
    return [
        (name, f"{value * scale:.{1 if unit == 'K/h' else 0}f} {unit}")
        for name, value, scale, unit in known
        if value is not None
    ]


def shares(room: Room) -> str:
    """The states of today, the longest first: 'cooling 5.2 h, idle 4.1 h, defrost 40 min'."""
    some = sorted(room.today.items(), key=lambda one: -one[1])
    return ", ".join(
        f"{state} {minutes / 60:.1f} h" if minutes >= 60 else f"{state} {minutes:.0f} min"
        for state, minutes in some
        if minutes >= 0.5
    )


def facts(room: Room, since: str) -> list[tuple[str, str]]:
    """Name and value of everything an operator asks; 'not known' where nothing shows it. ``since``: when the state began."""
    goods = room.goods
    known = dict(cooling(room))
    return [
        ("Does now", f"{room.state}, since {since}"),
        ("Goods, by the thermal model", goods_between(goods) if goods else "not known yet"),
        ("Time the goods have", hours_left(goods) if goods else "not known yet"),
        ("Doors opened today (UTC)", doors(room) or "not seen in records so slow"),
        ("Defrosts today", defrosts(room) or "not seen in records so slow"),
        ("Today so far", shares(room) or "nothing yet"),
        ("Duty cycle, last days", known.get("duty cycle", "not known yet")),
        ("Pull-down, recovery", ", ".join(known[n] for n in ("pull-down", "recovery") if n in known) or "not known yet"),
        ("Cooling power", known.get("cooling power", "not known yet")),
    ]  # fmt: skip
