"""The page: what the store knows, for people, in a browser on this machine or its network.

``WebServer`` is all that other code needs. It reads the store and nothing else; it cannot change anything.

    server.py         WebServer: uvicorn in a thread, start, stop
    application.py    FastAPI around NiceGUI, /healthz
    api/              REST and WebSocket for programs
    pages.py          the overview `/` and the node view `/node/{site}/{node}`; a look at the store
    every second shell.py          the frame of a page: time zone, troubles nodes_panel.py, headline.py,
    charts_panel.py, events_panel.py, facts_panel.py    what is on them source.py         the reader,
    off the event loop, reopened after failures

Pure, and tested without a browser:

    words.py          numbers, ages, outlooks as words
    facts.py          how a node is, and what it says about itself
    groups.py         which channels share a chart
    chart_options.py  the charts as ECharts options
    style.py          colours, style sheet, HTML elements
"""

from babbitt.web.server import WebServer
from babbitt.web.source import PageError

__all__ = ["PageError", "WebServer"]
