"""Maintenance now or not yet: the two sides of the rule, and costs that make no sense."""

from __future__ import annotations

import pytest

from babbitt.errors import ModelError
from babbitt.prognosis.advice import advise


def test_the_two_sides_are_weighed() -> None:
    wait = advise(0.01, 1.0, 5.0, 200.0, 10.0)
    assert (wait.now, wait.risk, wait.gain) == (False, pytest.approx(0.04), pytest.approx(0.05))
    assert "not worth doing yet" in wait.text
    now = advise(0.02, 1.0, 5.0, 200.0, 10.0)
    assert now.now
    assert "worth doing now: within 10 it fails with a chance of 2.0%" in now.text


def test_a_failure_that_costs_no_more_is_waited_for() -> None:
    assert not advise(1.0, 3.0, 3.0, 200.0, 10.0).now


@pytest.mark.parametrize(
    ("planned", "failure", "life"), [(0, 5, 200), (-1, 5, 200), (5, 1, 200), (1, 5, 0), (float("nan"), 5, 1)]
)
def test_costs_that_make_no_sense_are_refused(planned: float, failure: float, life: float) -> None:
    with pytest.raises(ModelError, match="costs more"):
        advise(0.5, planned, failure, life, 1.0)
