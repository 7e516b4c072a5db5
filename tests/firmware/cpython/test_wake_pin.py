"""Which call of MicroPython has a pin end the sleep: that of an ESP32 and S3, and that of a C3. Only the first runs on the virtual board."""

from __future__ import annotations

import importlib.util
import sys
from types import SimpleNamespace
from typing import Any

import pytest


class Pin(SimpleNamespace):
    """What `machine.Pin` is asked for."""

    IN = 1

    def __init__(self, number: int, mode: int) -> None:
        super().__init__(number=number, mode=mode)


@pytest.mark.parametrize("call", ["wake_on_ext0", "wake_on_gpio"])
def test_the_call_is_that_of_the_chip(call: str, monkeypatch: pytest.MonkeyPatch) -> None:
    said: list[Any] = []
    esp32 = SimpleNamespace(WAKEUP_ANY_HIGH=True, **{call: lambda *words: said.append(words)})
    machine = SimpleNamespace(Pin=Pin, deepsleep=said.append, EXT0_WAKE=2, wake_reason=lambda: 7)
    monkeypatch.setitem(sys.modules, "esp32", esp32)  # type: ignore[arg-type]
    monkeypatch.setitem(sys.modules, "machine", machine)  # type: ignore[arg-type]
    found = importlib.util.find_spec("babbitt_node.hal.sleep")
    assert found and found.loader
    sleep: Any = importlib.util.module_from_spec(found)  # for this test alone
    found.loader.exec_module(sleep)
    sleep.deep_sleep(1000, 4)
    pin: Any = Pin(4, Pin.IN)
    assert said == [(pin if call == "wake_on_ext0" else (pin,), True), 1000]
    assert sleep.by_pin()
    machine.wake_reason = lambda: 4
    assert not sleep.by_pin()
    said.clear()
    sleep.deep_sleep(1000)
    assert said == [1000]
