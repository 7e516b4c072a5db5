"""Which machine of a site began first: where several are told, the one that showed it earliest is the one to look at."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from babbitt.protocol.assessment import Assessment

NEAR_MS = 7 * 86_400_000
"""What began longer after the one before is another story."""
SAID = 3
"""So many that followed are named."""


@dataclass(frozen=True, slots=True)
class First:
    """At ``site``, ``name`` showed something at ``since`` (ms); ``then``: names of those that followed within NEAR_MS of the one before,
    and how long (ms) after the first."""

    site: str
    name: str
    since: int
    then: tuple[tuple[str, int], ...]

    @property
    def text(self) -> str:
        """One sentence."""
        others = [f"{name} {span(after)} after it" for name, after in self.then[:SAID]]
        more = f" and {len(self.then) - SAID} more" if len(self.then) > SAID else ""
        return f"At {self.site} {self.name} began first, {', '.join(others)}{more}."


def first(nodes: Iterable[tuple[str, str, Assessment | None]]) -> list[First]:
    """Of nodes as site, name and assessment: for each site where at least two are told, which began first; by site."""
    told: dict[str, list[tuple[int, str]]] = {}
    for site, name, one in nodes:
        if one is not None and one.level in ("warning", "alarm") and one.since_ms is not None:
            told.setdefault(site, []).append((one.since_ms, name))
    found = []
    for site in sorted(told):
        (since, name), *rest = sorted(told[site])
        then, last = [], since
        for at, other in rest:
            if at - last > NEAR_MS:
                break
            then.append((other, at - since))
            last = at
        if then:
            found.append(First(site, name, since, tuple(then)))
    return found


def span(ms: int) -> str:
    """A time as min, h or days."""
    minutes = ms / 60_000
    if minutes < 120:
        return f"{minutes:.0f} min"
    return f"{minutes / 60:.1f} h" if minutes < 2880 else f"{minutes / 1440:.1f} days"
