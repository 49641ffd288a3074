"""Needles, tubes and drives: their geometry, what they lose, what they refuse."""

import math
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.integrate import solve_ivp

from oxablate.device.gauge import NeedleTube, gauges, tube_of_gauge
from oxablate.device.hand import HandSyringe
from oxablate.device.needles import Course, DrawnBack, EndHoleNeedle, MultiProng, SideHoleNeedle, StaysInPlace, tip_at
from oxablate.device.programme import Dwell, Give, Pause, Programme, in_turn
from oxablate.device.pump import SyringePump
from oxablate.device.total import Total
from oxablate.quantities.refusal import BadInput

COURSE = Course((0.0, 0.0, 0.05), (0.0, 0.0, 0.0))
TUBE = NeedleTube(0.36e-3, 0.2e-3, 0.09)
ML, MIN = 1e-6, 60.0
PLAIN = HandSyringe(1e-6, 1e-6, 1e5, 0.0, 0.0)


def test_the_table_has_gauges_22_to_32_and_finer_means_thinner():
    assert set(range(22, 33)) <= set(gauges())
    tubes = [tube_of_gauge(number, 0.05) for number in gauges()]
    for wide, thin in pairwise(tubes):
        assert wide.outer_radius > thin.outer_radius and wide.inner_radius >= thin.inner_radius
    assert tube_of_gauge(22, 0.05).outer_radius == pytest.approx(0.3588e-3)
    assert tube_of_gauge(22, 0.05).wall == pytest.approx(0.1523e-3, rel=1e-3)


def test_poiseuille_and_reynolds_by_hand():
    """22 gauge, 90 mm, 1 mL/min of water-like liquid: 8 mu l Q / (pi r^4) and 4 rho Q / (pi mu d)."""
    tube = tube_of_gauge(22, 0.09)
    r = 0.413e-3 / 2
    assert tube.pressure_loss(ML / MIN, 0.7e-3) == pytest.approx(8 * 0.7e-3 * 0.09 * ML / MIN / (math.pi * r**4))
    assert 1400 < tube.pressure_loss(ML / MIN, 0.7e-3) < 1500
    assert tube.reynolds_number(ML / MIN, 1000.0, 0.7e-3) == pytest.approx(4000 * ML / MIN / (math.pi * 0.7e-3 * 2 * r))


def test_holes_lie_where_they_are_said_to():
    needle = SideHoleNeedle(COURSE, TUBE, (2e-3, 6e-3), (1e-4, 1e-4))
    np.testing.assert_allclose(needle.openings(), [(0, 0, 2e-3), (0, 0, 6e-3)])
    other = EndHoleNeedle(Course((0.01, 0.0, 0.05), (0.01, 0.0, 0.0)), TUBE, 0.35e-3)
    assert MultiProng((needle, other)).openings() == (*needle.openings(), (0.01, 0.0, 0.0))


def test_a_needle_is_drawn_back_evenly_between_its_times():
    path = DrawnBack((10.0, 20.0, 40.0), (0.0, 0.01, 0.02))
    assert [path.withdrawn(t) for t in (0.0, 10.0, 15.0, 20.0, 30.0, 99.0)] == pytest.approx(
        [0.0, 0.0, 0.005, 0.01, 0.015, 0.02]
    )
    assert tip_at(COURSE, path, 30.0) == pytest.approx((0.0, 0.0, 0.015))
    assert tip_at(COURSE, StaysInPlace(), 30.0) == COURSE.tip


PROGRAMME = Programme((Give(ML, ML / MIN), Pause(30.0), Give(2 * ML, ML / MIN), Dwell(45.0)), 10.0)


def test_phases_follow_each_other():
    assert PROGRAMME.volume == pytest.approx(3 * ML) and PROGRAMME.end == pytest.approx(220.0)
    assert PROGRAMME.out == pytest.approx(265.0)
    assert [PROGRAMME.flow(t) > 0 for t in (5.0, 20.0, 80.0, 110.0, 230.0)] == [False, True, False, True, False]
    assert PROGRAMME.delivered(85.0) == pytest.approx(ML) and PROGRAMME.delivered(1e6) == PROGRAMME.volume


@given(st.lists(st.floats(0.1, 100.0), min_size=1, max_size=20))
def test_steps_of_any_length_add_up(steps):
    time, total = 0.0, 0.0
    for step in steps:
        total += PROGRAMME.mean_flow(time, time + step) * step
        time += step
    assert total == pytest.approx(PROGRAMME.delivered(time), rel=0, abs=1e-12 * ML)


def test_needles_in_turn_wait_for_each_other():
    first, second, third = in_turn([PROGRAMME] * 3, 20.0)
    assert first.start == 10.0 and second.start == pytest.approx(285.0) and third.start == pytest.approx(560.0)


def pushed(syringe, resistance, duration, steps):
    """Barrel pressure and volumes after pushing against a resistance [Pa s/m3]."""
    state, given, time = syringe.begin(0.0), 0.0, 0.0
    step = duration / steps
    for _ in range(steps):
        rate, slope = syringe.inlet(state, time, time + step)
        pressure = rate / (slope + 1.0 / resistance)
        given += (rate - slope * pressure) * step
        state = syringe.advanced(state, pressure, time, time + step)
        time += step
    return state, given


def test_a_hand_against_a_resistance_follows_the_exponential():
    """C p' = Q_f (1 - p/p_s) - p/R: p = p_inf (1 - exp(-t/tau)), tau = C / (Q_f/p_s + 1/R). First order in the step."""
    syringe, resistance = HandSyringe(1.0, 1e-6, 1e5, 2e-11, 0.0), 1e11
    conductance = 1e-6 / 1e5 + 1 / resistance
    tau, limit = 2e-11 / conductance, 1e-6 / conductance
    errors = []
    for steps in (50, 100, 200):
        state, given = pushed(syringe, resistance, 1.3 * tau, steps)
        errors.append(abs(state.pressure / (limit * (1 - math.exp(-1.3))) - 1))
        assert state.pushed == pytest.approx(given + 2e-11 * state.pressure, rel=1e-12)
    assert errors[-1] < 3e-3 and np.log2(errors[0] / errors[1]) == pytest.approx(1.0, abs=0.1)


def test_the_rate_falls_as_the_tissue_pushes_back():
    """Tissue that fills up (p_t' = Q / C_t) against a hand: the same as a tight integration of both equations."""
    syringe, tube, filling = HandSyringe(1.0, 1e-6, 1e5, 2e-11, 0.0), 1e9, 1e-10

    def rhs(_, y):
        flow = (y[0] - y[1]) / tube
        return [(1e-6 * max(1 - y[0] / 1e5, 0.0) - flow) / 2e-11, flow / filling]

    exact = solve_ivp(rhs, (0, 20.0), [0.0, 0.0], method="Radau", rtol=1e-10, atol=1e-6, dense_output=True).sol
    state, tissue, step, rates = syringe.begin(0.0), 0.0, 0.01, []
    for n in range(2000):
        a, b = syringe.inlet(state, n * step, (n + 1) * step)
        # q = a - b p, q = (p - t) / tube, t = tissue + q step / filling
        stiff = tube + step / filling
        p = (a + tissue / stiff) / (b + 1 / stiff)
        rates.append((p - tissue) / stiff)
        tissue += rates[-1] * step / filling
        state = syringe.advanced(state, p, n * step, (n + 1) * step)
    assert tissue == pytest.approx(exact(20.0)[1], rel=2e-3)
    top = int(np.argmax(rates))  # the barrel fills first
    assert rates[-1] < 0.5 * rates[top] and all(b <= a for a, b in pairwise(rates[top:]))


def test_a_hand_stops_when_empty_and_when_stalled():
    syringe = HandSyringe(1e-7, 1e-6, 1e5, 0.0, 0.0)
    state, given = pushed(syringe, 1e6, 5.0, 50)
    assert state.pushed == pytest.approx(1e-7, rel=1e-3) and given == pytest.approx(state.pushed, rel=1e-12)
    assert syringe.inlet(syringe.begin(2e5), 0.0, 1.0) == (0.0, 0.0)
    late = HandSyringe(1e-6, 1e-6, 1e5, 0.0, 10.0)
    assert late.inlet(late.begin(0.0), 0.0, 5.0)[0] == 0.0
    assert late.inlet(late.begin(0.0), 5.0, 15.0)[0] == pytest.approx(1e-7)


@pytest.mark.parametrize(
    ("build", "says"),
    [
        (lambda: tube_of_gauge(33, 0.05), "did you mean 32"),
        (lambda: tube_of_gauge("fine", 0.05), "not in the table"),
        (lambda: NeedleTube(0.2e-3, 0.3e-3, 0.05), "below the next"),
        (lambda: EndHoleNeedle(COURSE, NeedleTube(0.36e-3, 0.2e-3, 0.04), 0.35e-3), "take a longer needle"),
        (lambda: EndHoleNeedle(COURSE, TUBE, 0.0), "cavity radius"),
        (lambda: SideHoleNeedle(COURSE, TUBE, (), ()), "at least one hole"),
        (lambda: SideHoleNeedle(COURSE, TUBE, (1e-3,), (3e-4,)), "at most the lumen's"),
        (lambda: SideHoleNeedle(COURSE, TUBE, (0.06,), (1e-4,)), "must lie on the inserted"),
        (lambda: SideHoleNeedle(COURSE, TUBE, (1e-3, 1.1e-3), (1e-4, 1e-4)), "may not overlap"),
        (lambda: SideHoleNeedle(COURSE, TUBE, (3e-3, 1e-3), (1e-4, 1e-4)), "must grow"),
        (lambda: MultiProng((EndHoleNeedle(COURSE, TUBE, 3e-4),)), "two or more"),
        (lambda: MultiProng((EndHoleNeedle(COURSE, TUBE, 3e-4),) * 2), "one tip"),
        (lambda: Course((0.0, 0.0, 0.0), (0.0, 0.0, 0.0)), "two different points"),
        (lambda: Course((0.0, 0.0, math.nan), (0.0, 0.0, 0.0)), "needle entry"),
        (lambda: DrawnBack((0.0,), (0.0,)), "two or more"),
        (lambda: DrawnBack((1.0, 0.0), (0.0, 0.1)), "finite and grow"),
        (lambda: DrawnBack((0.0, 1.0), (0.1, 0.0)), "never fall"),
        (lambda: tip_at(COURSE, DrawnBack((0.0, 1.0), (0.0, 0.05)), 2.0), "so it is out"),
        (lambda: Give(0.0, 1e-9), "write a pause"),
        (lambda: Give(1e-6, -1e-9), "a rate above zero"),
        (lambda: Pause(0.0), "not above zero"),
        (lambda: Programme((Pause(1.0),), 0.0), "gives nothing"),
        (lambda: Programme((Dwell(1.0), Give(1e-6, 1e-9)), 0.0), "dwells before its end"),
        (lambda: Programme((Pause(1.0), Give(1e-6, 1e-9)), 0.0), "pauses at its start"),
        (lambda: Programme((Give(1e-6, 1e-9), Pause(1.0), Dwell(1.0)), 0.0), "pauses at its start"),
        (lambda: Programme((Give(1e-6, 1e-9),), math.inf), "programme start"),
        (lambda: in_turn([PROGRAMME, PROGRAMME], -1.0), "zero or more"),
        (lambda: HandSyringe(-1.0, 1e-6, 1e5, 0.0, 0.0), "syringe volume"),
        (lambda: HandSyringe(1e-6, 0.0, 1e5, 0.0, 0.0), "free rate"),
        (lambda: HandSyringe(1e-6, 1e-6, math.inf, 0.0, 0.0), "stall pressure"),
        (lambda: HandSyringe(1e-6, 1e-6, 1e5, -1.0, 0.0), "compliance"),
        (lambda: PLAIN.inlet(PLAIN.begin(0.0), 1.0, 1.0), "no length"),
    ],
)
def test_what_cannot_be_is_refused_in_one_sentence(build, says):
    with pytest.raises(BadInput, match=says) as refused:
        build()
    assert "\n" not in str(refused.value)


def test_several_drives_are_asked_like_one():
    """Two programmes and a pump that overlap, against their sums at every time."""
    drives = (*in_turn([PROGRAMME] * 2, 20.0), SyringePump(ML, ML / 20.0, 15.0))
    total = Total(drives)
    assert total.volume == pytest.approx(7 * ML) and total.start == 10.0 and total.end == drives[1].end
    assert total.flow_rate == pytest.approx(ML / MIN + ML / 20.0) and total.duration == total.end - total.start
    for time in np.linspace(-5.0, 600.0, 97):
        assert total.flow(time) == pytest.approx(sum(drive.flow(time) for drive in drives), abs=1e-20)
        assert total.delivered(time + 7.0) - total.delivered(time) == pytest.approx(
            7.0 * total.mean_flow(time, time + 7.0), rel=1e-9, abs=1e-12 * ML
        )
    assert total.delivered(1e6) == pytest.approx(total.volume) and total.delivered(0.0) == 0.0
