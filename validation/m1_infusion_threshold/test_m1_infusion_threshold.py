"""M1 as the README states it: the pressure at which an infusion starts, and how the flow then grows."""

from functools import cache

import numpy as np
import pytest
from infusion_curves import DRAWS, Curve, draws

MMHG = 133.322387415
TUMOURS = {"B16.F10": (2.9, 7.36), "4T1": (12.2, 36.8), "U87": (18.1, 29.4)}  # collagen ug/mg, threshold mmHg
TIMES = np.array([0.5, 0.8, 1.0, 1.25, 1.6, 2.0, 3.0])  # of the threshold
BELOW, ABOVE = 1, 3

#: What misses its tolerance, as the README shows. Strict: should one of them hold one day, this file must be mended.
MISSES = pytest.mark.xfail(strict=True, raises=AssertionError, reason="misses its tolerance: see README.md, Result")


def line_through(others, collagen: float) -> float:
    """Threshold [mmHg] that the line through two tumours predicts at a collagen content."""
    (x0, y0), (x1, y1) = (TUMOURS[name] for name in others)
    return y0 + (y1 - y0) * (collagen - x0) / (x1 - x0)


@cache
def rates(draw: int, tumour: str, cracks: bool) -> np.ndarray:
    """Steady rates [m3/s] at `TIMES` the tumour's threshold."""
    threshold = TUMOURS[tumour][1] * MMHG
    return Curve(draws()[draw], threshold, cracks).rates(threshold * TIMES)


def share_of_draws(holds) -> float:
    """Of the draws, how many are as `holds(draw)` says."""
    return float(np.mean([holds(draw) for draw in range(DRAWS)]))


@MISSES
@pytest.mark.parametrize("third", TUMOURS)
def test_a_collagen_of_two_predicts_the_third(third):
    collagen, measured = TUMOURS[third]
    predicted = line_through([name for name in TUMOURS if name != third], collagen)
    print(f"A {third}: {predicted:.1f} mmHg predicted, {measured:.1f} measured")
    assert abs(predicted / measured - 1.0) <= 0.25


@pytest.mark.slow
@pytest.mark.parametrize("cracks", [pytest.param(False, marks=MISSES, id="pores"), pytest.param(True, id="cracks")])
def test_b_no_flow_below_the_threshold(cracks):
    rises = {name: [rates(n, name, cracks) for n in range(DRAWS)] for name in TUMOURS}
    for name, found in rises.items():
        rise = [q[ABOVE] / q[BELOW] for q in found]
        print(f"B {name}: 0.8 to 1.25 times the threshold, the flow grows {min(rise):.3g} to {max(rise):.3g}-fold")
    for found in rises.values():
        assert np.mean([q[ABOVE] >= 10.0 * q[BELOW] for q in found]) >= 0.5


@pytest.mark.slow
@pytest.mark.parametrize("cracks", [False, True], ids=["pores", "cracks"])
@pytest.mark.parametrize("tumour", ["B16.F10", "U87"])
def test_c_flow_rises_with_pressure(tumour, cracks):
    assert share_of_draws(lambda n: np.all(np.diff(rates(n, tumour, cracks)) > 0.0)) == 1.0


@pytest.mark.slow
@MISSES
@pytest.mark.parametrize("cracks", [False, True], ids=["pores", "cracks"])
def test_c_flow_is_bell_shaped_in_4t1(cracks):
    found = share_of_draws(lambda n: rates(n, "4T1", cracks)[-1] <= 0.9 * rates(n, "4T1", cracks).max())
    print(f"C 4T1: flow falls with pressure in {found:.0%} of the draws")
    assert found >= 0.5


@pytest.mark.slow
@pytest.mark.parametrize("cracks", [False, True], ids=["pores", "cracks"])
def test_c_there_is_one_steady_state_for_each_rate(cracks):
    """From rest and from twice the rate: a bell would need two pressures at one rate, or two rates at one pressure."""
    for draw in range(DRAWS):
        threshold = TUMOURS["4T1"][1] * MMHG
        curve, rate = Curve(draws()[draw], threshold, cracks), rates(draw, "4T1", cracks)[4]
        from_rest = curve.pressure_at(rate)
        curve.pressure_at(2.0 * rate)
        assert curve.pressure_at(rate) == pytest.approx(from_rest, rel=1e-6)
