"""The two pages: the overview of all nodes and the view of one node.

Each viewer's page looks at the store once a second and sends on what changed. Nothing is kept between
viewers.
"""

from __future__ import annotations

from dataclasses import dataclass

from nicegui import ui

from babbitt.prognosis.fleet import foretold
from babbitt.protocol.cause import Examined
from babbitt.store.reader import StoreReader
from babbitt.store.views import Channel, EventView, MarkView, NodeView
from babbitt.web.cause_panel import CausePanel
from babbitt.web.charts_panel import ChartsPanel
from babbitt.web.events_panel import SHOWN, EventsPanel
from babbitt.web.facts import name_of
from babbitt.web.facts_panel import FactsPanel
from babbitt.web.forecast_panel import ForecastPanel
from babbitt.web.headline import Headline
from babbitt.web.life_panel import LifePanel
from babbitt.web.marking import Marking
from babbitt.web.nodes_panel import NodesPanel
from babbitt.web.room_panel import RoomPanel
from babbitt.web.shell import Shell
from babbitt.web.source import StoreSource, Unavailable
from babbitt.web.style import Tag, Text

MARKS_SHOWN = 4 * SHOWN
"""So many of the newest marks are looked at."""
EVERY_S = 1.0
"""Seconds between two looks at the store."""


@dataclass
class _Shown:
    source: StoreSource | None = None
    broker: str = ""


_shown = _Shown()


def show(source: StoreSource, broker: str) -> None:
    """From now on the pages show this source; ``broker`` is where nodes connect, as text, or empty."""
    _shown.source = source
    _shown.broker = broker


def _source() -> StoreSource:
    assert _shown.source is not None
    return _shown.source


def register() -> None:
    """Make the pages known to NiceGUI; once in a process."""
    ui.page("/")(overview)
    ui.page("/node/{site}/{node}")(node_view)


async def overview() -> None:
    """All nodes as cards, and the newest events of all."""
    source = _source()
    with Shell("Overview") as shell:
        cards = NodesPanel(_shown.broker)
        events = EventsPanel(named=True)

    def read(reader: StoreReader) -> tuple[list[NodeView], list[EventView]]:
        return reader.nodes(), reader.events(limit=SHOWN)

    async def look() -> None:
        found = await source.read(read)
        if isinstance(found, Unavailable):
            shell.trouble(found)
            return
        shell.trouble(None)
        nodes, newest = found
        shell.say_clock(nodes)
        cards.show(nodes, shell.times)
        events.show(newest, shell.times, {(n.site, n.node): name_of(n) for n in nodes})

    await shell.live_by(look, EVERY_S)


async def node_view(site: str, node: str) -> None:
    """One node: how it is, its charts, its events, and what it says about itself."""
    source = _source()

    marks = Marking(source, site, node)

    def read(
        reader: StoreReader,
    ) -> tuple[NodeView, list[Channel], list[EventView], list[MarkView], list[Examined]] | None:
        found = next((n for n in reader.nodes() if (n.site, n.node) == (site, node)), None)
        if found is None:
            return None
        said = reader.marks(site, node, MARKS_SHOWN)
        newest = reader.events(site, node, limit=SHOWN)
        return found, reader.channels(site, node), newest, said, reader.diagnoses(site, node)

    first = await source.read(read)
    kind = first[0].kind if isinstance(first, tuple) else "machine"
    with Shell(name_of(first[0]) if isinstance(first, tuple) else f"{site}/{node}") as shell:
        with Tag("nav", aria_label="Way back"):
            Text("a", "‹ All machines and rooms", "back", href="/")
        unknown = Tag("div", "notice")
        with unknown:
            Text("strong", f"No node {site} / {node} has reported here")
            Text("p", "Check the address, or wait: the page appears as soon as the node reports.")
        whole = Tag("div")
        with whole:
            headline = Headline()
            room = RoomPanel()
            life = LifePanel()
            cause = CausePanel()
            forecast = ForecastPanel()
            charts = ChartsPanel(kind)
            events = EventsPanel(named=False, mark=marks.mark)
            facts = FactsPanel()

    async def look() -> None:
        found = await source.read(read)
        if isinstance(found, Unavailable):
            shell.trouble(found)
            return
        unknown.set_visibility(found is None)
        whole.set_visibility(found is not None)
        if found is None:
            shell.trouble(None)
            return
        view, channels, newest, said, told = found
        shell.say_clock([view])
        headline.show(view, shell.times)
        room.show(view, shell.times)
        life.show(view, foretold.of(source.path, site, node), shell.times)
        cause.show(told[0] if told else None, shell.times)
        charts.set_channels(channels)
        events.show(newest, shell.times, {}, {one.event: one.verdict for one in said if one.event})
        await marks.follow(events, newest, said)
        facts.show(view)
        shell.trouble(await charts.refresh(source, view, shell.times) if shell.live else None)
        if shell.live:
            await forecast.refresh(source, view, shell.times)

    await shell.live_by(look, EVERY_S)
