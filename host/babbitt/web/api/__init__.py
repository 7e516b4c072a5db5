"""The REST and WebSocket interface, mounted at ``/api/v1``. It reads the store, and takes what people say of alarms.

application.py    the FastAPI application: routes, OpenAPI, limits
nodes.py          nodes, their channels, series, assessments, configuration
records.py        events, ledger, quarantine, waveforms, one channel of the whole fleet
marks.py          what people say of alarms, and what follows
live.py           the WebSocket: what is new, as it comes
models.py         what is answered, with units
problems.py       errors as RFC 9457 problems
paging.py         cursors and ETags
"""
