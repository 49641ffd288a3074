"""M4 as the README states it: what leaks from swine liver at two rates, and when it cracks."""

from functools import cache

import numpy as np
import pytest
from liver import DRAWS, FAST, SLOW, SMALL, Injection, draws, inject

#: What misses its tolerance, as the README shows. Strict: should one of them hold one day, this file must be mended.
MISSES = pytest.mark.xfail(strict=True, raises=AssertionError, reason="misses its tolerance: see README.md, Result")
SEEN = 0.05  # a difference of leaked shares that counts

pytestmark = pytest.mark.slow


@cache
def injection(draw: int, share: int, rate: float) -> Injection:
    """500 uL of the mixture with `share` % of ethyl cellulose at a rate [m3/s]."""
    done = inject(draws()[draw], share, rate)
    assert done.open_ledger < 1e-9
    return done


def more(share: int) -> np.ndarray:
    """Leaked share at 10 mL/h less that at 1 mL/h, per draw."""
    found = np.array([injection(n, share, FAST).leaked - injection(n, share, SLOW).leaked for n in range(DRAWS)])
    right = np.mean(found > 0)
    print(f"{share} %: at the higher rate {found.min():+.3f} to {found.max():+.3f} more; sign right in {right:.0%}")
    return found


@MISSES
@pytest.mark.parametrize("share", [0, 3])
def test_1_leaks_more_at_the_higher_rate(share):
    assert np.mean(more(share) >= SEEN) >= 0.5


@pytest.mark.parametrize("share", [0, 3])
def test_1_hardly_ever_leaks_less_at_the_higher_rate(share):
    assert np.mean(more(share) <= -SEEN) <= 0.1


def test_2_six_percent_leaks_alike_at_both_rates():
    assert np.mean(np.abs(more(6)) < SEEN) >= 0.5


@MISSES
def test_2_six_percent_leaks_less_than_ethanol():
    less = np.array([injection(n, 0, FAST).leaked - injection(n, 6, FAST).leaked for n in range(DRAWS)])
    print(f"at 10 mL/h 6 % leaks {less.min():.3f} to {less.max():.3f} less than ethanol")
    assert np.mean(less >= SEEN) >= 0.5


def test_3_fifty_microlitres_stay_below_the_fracture_pressure():
    assert np.mean([injection(n, 0, FAST).cracked_at > SMALL for n in range(DRAWS)]) >= 0.5


@MISSES
def test_3_and_the_rest_of_the_injection_does_not():
    assert np.mean([SMALL < injection(n, 0, FAST).cracked_at < np.inf for n in range(DRAWS)]) >= 0.5
