"""Spreads: quantiles against scipy.stats, truncation, and joint samples with the rank correlation asked for."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from oxablate.quantities.prior import Discrete, LogNormal, LogUniform, Normal, Uniform, read_spread, sample_jointly
from oxablate.quantities.refusal import BadInput

QUANTILES = np.array([1e-6, 0.001, 0.025, 0.2, 0.5, 0.8, 0.975, 0.999, 1 - 1e-6])

# The same distributions by scipy.stats, which is not used by the code under test.
ORACLES = [
    (Normal(3.0, 2.0), stats.norm(3.0, 2.0)),
    (Normal(0.49, 0.205, 0.0, 1.0), stats.truncnorm(-0.49 / 0.205, 0.51 / 0.205, 0.49, 0.205)),
    (Normal(0.0, 1.0, 3.0, 5.0), stats.truncnorm(3.0, 5.0)),
    (Normal(0.0, 1.0, -5.0, -3.0), stats.truncnorm(-5.0, -3.0)),
    (LogNormal(1.37e-5, 2.77), stats.lognorm(math.log(2.77), scale=1.37e-5)),
    (Uniform(-3.0, 3.0), stats.uniform(-3.0, 6.0)),
    (LogUniform(1e-15, 1e-14), stats.loguniform(1e-15, 1e-14)),
]


@pytest.mark.parametrize(("spread", "oracle"), ORACLES, ids=lambda one: str(one)[:40])
def test_quantiles_agree_with_scipy(spread, oracle):
    scale = oracle.ppf(0.9) - oracle.ppf(0.1)
    assert np.allclose(spread.ppf(QUANTILES), oracle.ppf(QUANTILES), rtol=1e-9, atol=1e-9 * scale)


def test_a_truncated_lognormal_is_the_exponential_of_a_truncated_normal():
    spread = LogNormal(2.0, 3.0, 1.0, 5.0)
    low, high = (math.log(edge / 2.0) / math.log(3.0) for edge in (1.0, 5.0))
    expected = 2.0 * np.exp(math.log(3.0) * stats.truncnorm(low, high).ppf(QUANTILES))
    assert np.allclose(spread.ppf(QUANTILES), expected, rtol=1e-9)


def test_a_discrete_spread_has_its_weights():
    spread = Discrete((1.0, 2.0, 4.0), (1.0, 2.0, 1.0))
    assert [float(spread.ppf(q)) for q in (0.0, 0.24, 0.26, 0.74, 0.76, 1.0)] == [1.0, 1.0, 2.0, 2.0, 4.0, 4.0]
    draws = spread.sample(40_000, np.random.default_rng(7))
    observed = [np.sum(draws == value) for value in spread.values]
    assert stats.chisquare(observed, [10_000, 20_000, 10_000]).pvalue > 1e-3
    assert spread.contains(2.0) and not spread.contains(3.0)
    assert spread.truncated(1.5, 9.0) == Discrete((2.0, 4.0), (2.0, 1.0))


@pytest.mark.parametrize(("spread", "oracle"), ORACLES, ids=lambda one: str(one)[:40])
def test_samples_follow_the_spread_and_repeat(spread, oracle):
    draws = spread.sample(2000, np.random.default_rng(11))
    assert stats.kstest(draws, oracle.cdf).pvalue > 1e-3
    assert np.array_equal(draws, spread.sample(2000, np.random.default_rng(11)))
    assert np.all(draws >= spread.low) and np.all(draws <= spread.high)


SPREADS = st.one_of(
    st.builds(Normal, st.floats(-10, 10), st.floats(0.1, 10)),
    st.builds(LogNormal, st.floats(1e-12, 1e6), st.floats(1.05, 10)),
    st.builds(lambda a, w: Uniform(a, a + w), st.floats(-10, 10), st.floats(0.1, 10)),
    st.builds(lambda a, f: LogUniform(a, a * f), st.floats(1e-12, 1e6), st.floats(1.1, 1e4)),
    st.builds(lambda a: Discrete((a, a + 1.0), (1.0, 3.0)), st.floats(0.1, 10)),
)


@settings(deadline=None)
@given(SPREADS, st.floats(1e-9, 1e9), st.floats(0.0, 1.0), st.floats(0.0, 1.0))
def test_rescaling_commutes_and_quantiles_rise(spread, factor, one, other):
    assert float(spread.scaled(factor).ppf(one)) == pytest.approx(
        factor * float(spread.ppf(one)), rel=1e-9, abs=1e-9 * factor
    )
    low, high = sorted((one, other))
    assert float(spread.ppf(low)) <= float(spread.ppf(high))
    assert spread.contains(float(spread.ppf(0.5)))


@settings(deadline=None)
@given(SPREADS, st.floats(0.05, 0.6), st.floats(0.65, 0.95), st.floats(0.0, 1.0))
def test_truncation_keeps_every_draw_inside(spread, low, high, quantile):
    low, high = float(spread.ppf(low)), float(spread.ppf(high))
    if low < high:
        assert low <= float(spread.truncated(low, high).ppf(quantile)) <= high


def test_a_value_far_out_is_not_part_of_a_spread():
    assert Normal(0.0, 1.0).contains(3.0) and not Normal(0.0, 1.0).contains(4.0)
    assert not LogUniform(1.0, 2.0).contains(2.1) and LogUniform(1.0, 2.0).contains(2.0)
    assert not Normal(0.5, 0.2, 0.0, 1.0).contains(-1e-9)


def test_joint_samples_have_the_rank_correlation_asked_for():
    spreads = {"k": LogUniform(1e-15, 1e-13), "h": Normal(7.0, 2.0), "b": Uniform(1.0, 10.0), "n": LogNormal(1.0, 2.0)}
    wanted = {("k", "h"): -0.6, ("h", "b"): 0.3}
    draws = sample_jointly(spreads, wanted, 20_000, np.random.default_rng(3))
    names = list(spreads)
    found = stats.spearmanr(np.column_stack([draws[name] for name in names])).statistic
    for i, first in enumerate(names):
        for j in range(i + 1, len(names)):
            rho = wanted.get((first, names[j]), 0.0)
            assert abs(found[i, j] - rho) < 4.0 / math.sqrt(20_000), (first, names[j])
    assert stats.kstest(draws["k"], stats.loguniform(1e-15, 1e-13).cdf).pvalue > 1e-3
    again = sample_jointly(spreads, wanted, 20_000, np.random.default_rng(3))
    assert all(np.array_equal(draws[name], again[name]) for name in names)


def test_joint_samples_refuse_what_cannot_be():
    spreads = {"a": Uniform(0.0, 1.0), "b": Uniform(0.0, 1.0), "c": Uniform(0.0, 1.0)}
    generator = np.random.default_rng(1)
    with pytest.raises(BadInput, match="did you mean 'a'"):
        sample_jointly(spreads, {("aa", "b"): 0.1}, 5, generator)
    for rho in (1.0, -1.5, math.nan):
        with pytest.raises(BadInput, match="inside -1 to 1"):
            sample_jointly(spreads, {("a", "b"): rho}, 5, generator)
    with pytest.raises(BadInput, match="cannot hold together"):
        sample_jointly(spreads, {("a", "b"): 0.9, ("b", "c"): 0.9, ("a", "c"): -0.9}, 5, generator)


@pytest.mark.parametrize(
    ("written", "spread"),
    [
        ({"kind": "normal", "mean": 1, "sd": 0.5}, Normal(1.0, 0.5)),
        ({"kind": "normal", "mean": 1, "sd": 0.5, "low": 0}, Normal(1.0, 0.5, 0.0)),
        ({"kind": "lognormal", "median": 2.0, "gsd": 3.0, "high": 8}, LogNormal(2.0, 3.0, 0.0, 8.0)),
        ({"kind": "uniform", "low": 0, "high": 1}, Uniform(0.0, 1.0)),
        ({"kind": "loguniform", "low": 1, "high": 2}, LogUniform(1.0, 2.0)),
        ({"kind": "discrete", "values": [1, 2], "weights": [1, 1]}, Discrete((1.0, 2.0), (1.0, 1.0))),
    ],
)
def test_reads_each_kind(written, spread):
    assert read_spread(written) == spread


@pytest.mark.parametrize(
    ("written", "says"),
    [
        ("uniform", "a table with a kind"),
        ({"low": 1, "high": 2}, "a table with a kind"),
        ({"kind": "logunifrom", "low": 1, "high": 2}, "did you mean 'loguniform'"),
        ({"kind": "uniform", "low": 1, "hihg": 2}, "did you mean 'high'"),
        ({"kind": "uniform", "low": 1}, "needs 'high'"),
        ({"kind": "uniform", "low": 2, "high": 1}, "low below high"),
        ({"kind": "uniform", "low": "1", "high": 2}, "finite number"),
        ({"kind": "uniform", "low": 1, "high": math.inf}, "finite number"),
        ({"kind": "uniform", "low": True, "high": 2}, "finite number"),
        ({"kind": "loguniform", "low": 0, "high": 2}, "0 < low < high"),
        ({"kind": "normal", "mean": 1, "sd": 0}, "above zero"),
        ({"kind": "normal", "mean": 0, "sd": 1, "low": 20, "high": 21}, "widen"),
        ({"kind": "lognormal", "median": -1, "gsd": 2}, "median"),
        ({"kind": "lognormal", "median": 1, "gsd": 1}, "above one"),
        ({"kind": "discrete", "values": [1, 2], "weights": [1]}, "as many weights"),
        ({"kind": "discrete", "values": [2, 1], "weights": [1, 1]}, "ascend"),
        ({"kind": "discrete", "values": [], "weights": []}, "as many weights"),
    ],
)
def test_refuses_what_is_no_distribution(written, says):
    with pytest.raises(BadInput, match=says):
        read_spread(written)
