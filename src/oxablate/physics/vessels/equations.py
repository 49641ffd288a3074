"""Vessels that close under pressure and open again: the statement.

    d f_v / dt = (f_eq(p - p_v) - f_v) / tau          each bed follows its pressure with a lag

| symbol | meaning | unit |
|---|---|---|
| f_v | functional vessel fraction, 1 before the injection | 1 |
| f_eq | share of vessels that stand a transmural pressure p - p_v | 1 |
| p, p_v | interstitial and vascular pressure | Pa |
| tau | lag of collapse and re-opening | s |

Without collapse a Starling bed swallows any injection: the drained flow grows in proportion to the pressure. The
threshold is set by solid stress of 1.3 to 13 kPa (doi 10.1158/0008-5472.CAN-12-4521), not by fluid pressure at rest.
"""

from ...numerics.jit import njit

VASCULAR_PRESSURE, COLLAPSE_MEDIAN, COLLAPSE_SPREAD, LAG = range(4)
COLUMNS = 4


@njit()
def relaxed(fraction, equilibrium, share):
    """f_v after a step: the exact solution for a constant equilibrium, share = 1 - exp(-dt/tau)."""
    return fraction + share * (equilibrium - fraction)
