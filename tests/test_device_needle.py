"""The needle's geometry and the pump's arithmetic."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from oxablate.device.needle import Needle
from oxablate.device.pump import SyringePump
from oxablate.quantities.refusal import BadInput


def test_a_needle_points_from_entry_to_tip():
    needle = Needle((0.0, 0.0, 0.03), (0.0, 0.04, 0.0), 0.00035)
    assert needle.length == pytest.approx(0.05)
    assert needle.direction == pytest.approx((0.0, 0.8, -0.6))


def test_a_needle_without_entry_has_no_shaft():
    needle = Needle(None, (0.0, 0.0, 0.0), 0.00035)
    assert needle.length is None and needle.direction is None


@pytest.mark.parametrize(
    ("entry", "tip", "radius", "says"),
    [
        ((0.0, 0.0, 0.0), (0.0, 0.0, 0.0), 1e-3, "two different points"),
        ((0.0, 0.0, math.nan), (0.0, 0.0, 0.0), 1e-3, "needle entry"),
        (None, (0.0, math.inf, 0.0), 1e-3, "needle tip"),
        (None, (0.0, 0.0), 1e-3, "needle tip"),
        (None, (0.0, 0.0, 0.0), 0.0, "cavity radius"),
        (None, (0.0, 0.0, 0.0), math.nan, "cavity radius"),
        ((0.0, 0.0, 0.01), (0.0, 0.0, 0.0), 0.01, "cavity radius"),
    ],
)
def test_an_impossible_needle_is_refused(entry, tip, radius, says):
    with pytest.raises(BadInput, match=says):
        Needle(entry, tip, radius)


def test_the_pump_runs_from_start_to_end():
    pump = SyringePump(5e-6, 1e-6 / 60, 30.0)
    assert pump.duration == pytest.approx(300.0) and pump.end == pytest.approx(330.0)
    assert [pump.flow(t) for t in (29.9, 30.0, 329.0, 331.0)] == [0.0, 1e-6 / 60, 1e-6 / 60, 0.0]
    assert pump.delivered(0.0) == 0.0 and pump.delivered(90.0) == pytest.approx(1e-6) and pump.delivered(1e9) == 5e-6


@given(
    st.floats(1e-15, 1e-4),
    st.floats(1e-2, 1e5),
    st.floats(-100, 100),
    st.lists(st.floats(1e-3, 1e4), min_size=1, max_size=30),
)
def test_steps_of_any_length_add_up_to_what_was_delivered(volume, duration, start, steps):
    rate = volume / duration
    pump, time, given_so_far = SyringePump(volume, rate, start), -200.0, 0.0
    for step in steps:
        mean = pump.mean_flow(time, time + step)
        assert 0 <= mean <= rate
        given_so_far += mean * step
        time += step
    assert given_so_far == pytest.approx(pump.delivered(time), rel=0, abs=1e-9 * volume)
    assert pump.delivered(time) <= volume


def test_within_the_injection_the_mean_is_the_rate():
    pump = SyringePump(5e-6, 1e-6 / 60, 30.0)
    assert pump.mean_flow(31.7, 31.7 + 1e-3) == pump.flow_rate
    assert pump.mean_flow(20.0, 40.0) == pytest.approx(pump.flow_rate / 2)
    assert pump.mean_flow(0.0, 30.0) == 0.0 and pump.mean_flow(330.1, 400.0) == 0.0


def test_zero_volume_gives_nothing():
    pump = SyringePump(0.0, 1e-9, 0.0)
    assert pump.duration == 0.0 and pump.flow(0.0) == 0.0 and pump.delivered(10.0) == 0.0


@pytest.mark.parametrize(
    ("volume", "rate", "start", "says"),
    [
        (-1e-6, 1e-9, 0.0, "pump volume"),
        (math.inf, 1e-9, 0.0, "pump volume"),
        (math.nan, 1e-9, 0.0, "pump volume"),
        (1e-6, 0.0, 0.0, "pump flow rate"),
        (1e-6, math.nan, 0.0, "pump flow rate"),
        (1e-6, 1e-9, math.inf, "pump start"),
    ],
)
def test_an_impossible_pump_is_refused(volume, rate, start, says):
    with pytest.raises(BadInput, match=says):
        SyringePump(volume, rate, start)


def test_a_step_without_length_is_refused():
    with pytest.raises(BadInput, match="has no length"):
        SyringePump(1e-6, 1e-9, 0.0).mean_flow(3.0, 3.0)
