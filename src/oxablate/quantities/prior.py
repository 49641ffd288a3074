"""What is believed about a number besides its value: typed spreads, their quantiles, and joint samples."""

import math
from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass, replace
from itertools import pairwise

import numpy as np

from .refusal import BadInput, nearest

#: A value must lie within these quantiles of its own spread.
CENTRAL = (5e-4, 1.0 - 5e-4)
_LEAST_MASS = 1e-6  # a truncation may not leave less of the distribution than this
_SMALLEST, _LARGEST = 2.0**-54, 1.0 - 2.0**-53


class Spread(ABC):
    """A distribution of one number, in the unit of that number.

    Every spread has a least and a greatest value (`low`, `high`, which may be infinite), gives quantiles, and can be
    rescaled to another unit or cut to a physical range. Subclasses are final.
    """

    low: float
    high: float

    @abstractmethod
    def ppf(self, quantile):
        """The value below which a fraction `quantile` (scalar or array, 0 to 1) of the distribution lies."""

    @abstractmethod
    def scaled(self, factor: float) -> "Spread":
        """The same spread with the number written in another unit: every value times `factor` > 0."""

    @abstractmethod
    def describe(self, digits: int = 3) -> str:
        """The spread in words, without unit."""

    def truncated(self, low: float, high: float) -> "Spread":
        """The same spread cut to [low, high]; raises BadInput where next to nothing of it lies there."""
        if self.low >= low and self.high <= high:
            return self
        return replace(self, low=max(self.low, low), high=min(self.high, high))

    def contains(self, value: float) -> bool:
        """Whether the value is possible, within the central 99.9 % of the spread."""
        bottom, top = (float(self.ppf(q)) for q in CENTRAL)
        slack = 1e-12 * max(abs(bottom), abs(top))  # an end of the range, written in another unit, is still the end
        bottom = self.low if math.isfinite(self.low) else bottom
        top = self.high if math.isfinite(self.high) else top
        return bottom - slack <= value <= top + slack

    def sample(self, count: int, generator: np.random.Generator) -> np.ndarray:
        """`count` independent draws, shape (count,); the same generator state gives the same draws."""
        return np.asarray(self.ppf(generator.random(count)))


@dataclass(frozen=True)
class Normal(Spread):
    """Normal distribution of mean `mean` and standard deviation `sd` > 0 before it is cut to [low, high].

        x(q) = mean + sd z,    z = Phi^-1(Phi(a) + q (Phi(b) - Phi(a))),
        a = (low - mean) / sd,    b = (high - mean) / sd

    All four in the unit of the number; Phi: the standard normal distribution. Raises BadInput for sd <= 0, and where
    less than a millionth of the distribution lies between low and high.
    """

    mean: float
    sd: float
    low: float = -math.inf
    high: float = math.inf

    def __post_init__(self) -> None:
        _require(self.sd > 0, f"the sd of a normal spread must be above zero, got {self.sd:g}")
        _mass_inside((self.low - self.mean) / self.sd, (self.high - self.mean) / self.sd)

    def ppf(self, quantile):
        score = _truncated_score(quantile, (self.low - self.mean) / self.sd, (self.high - self.mean) / self.sd)
        return np.clip(self.mean + self.sd * score, self.low, self.high)

    def scaled(self, factor: float) -> "Normal":
        return Normal(self.mean * factor, self.sd * factor, self.low * factor, self.high * factor)

    def describe(self, digits: int = 3) -> str:
        return f"normal, {self.mean:.{digits}g} +- {self.sd:.{digits}g}" + _cut(self.low, self.high, digits)


@dataclass(frozen=True)
class LogNormal(Spread):
    """Log-normal distribution: ln x is normal about ln `median` with sd ln `gsd`, before it is cut to [low, high].

        x(q) = median gsd^z,    z = Phi^-1(Phi(a) + q (Phi(b) - Phi(a))),
        a = ln(low / median) / ln gsd,    b = ln(high / median) / ln gsd

    median, low and high in the unit of the number. gsd > 1 [1] is the geometric standard deviation: about 68 % lie
    between median / gsd and median * gsd. Raises BadInput for median <= 0, gsd <= 1, and where less than a millionth
    of the distribution lies between low and high.
    """

    median: float
    gsd: float
    low: float = 0.0
    high: float = math.inf

    def __post_init__(self) -> None:
        _require(self.median > 0, f"the median of a lognormal spread must be above zero, got {self.median:g}")
        _require(self.gsd > 1, f"the gsd of a lognormal spread must be above one, got {self.gsd:g}")
        _mass_inside(*self._scores())

    def _scores(self) -> tuple[float, float]:
        return tuple(
            (math.log(edge / self.median) / math.log(self.gsd) if edge > 0 else -math.inf)
            if edge < math.inf
            else math.inf
            for edge in (self.low, self.high)
        )

    def ppf(self, quantile):
        score = _truncated_score(quantile, *self._scores())
        return np.clip(self.median * np.exp(math.log(self.gsd) * score), self.low, self.high)

    def scaled(self, factor: float) -> "LogNormal":
        return LogNormal(self.median * factor, self.gsd, self.low * factor, self.high * factor)

    def describe(self, digits: int = 3) -> str:
        bare = f"log-normal, median {self.median:.{digits}g}, factor {self.gsd:.{digits}g}"
        return bare + _cut(self.low if self.low > 0 else -math.inf, self.high, digits)


@dataclass(frozen=True)
class Uniform(Spread):
    """Every value from `low` to `high`, in the unit of the number, alike.

        x(q) = low + q (high - low)

    Raises BadInput where low is not below high.
    """

    low: float
    high: float

    def __post_init__(self) -> None:
        _require(self.low < self.high, f"a uniform spread needs low below high, got {self.low:g} and {self.high:g}")

    def ppf(self, quantile):
        return np.clip(self.low + (self.high - self.low) * np.asarray(quantile), self.low, self.high)

    def scaled(self, factor: float) -> "Uniform":
        return Uniform(self.low * factor, self.high * factor)

    def describe(self, digits: int = 3) -> str:
        return f"uniform, {self.low:.{digits}g} to {self.high:.{digits}g}"


@dataclass(frozen=True)
class LogUniform(Spread):
    """Every order of magnitude from `low` > 0 to `high`, in the unit of the number, alike.

        x(q) = low (high / low)^q

    Raises BadInput where not 0 < low < high, both finite.
    """

    low: float
    high: float

    def __post_init__(self) -> None:
        fine = 0 < self.low < self.high < math.inf
        _require(fine, f"a loguniform spread needs 0 < low < high, got {self.low:g} and {self.high:g}")

    def ppf(self, quantile):
        return np.clip(self.low * (self.high / self.low) ** np.asarray(quantile), self.low, self.high)

    def scaled(self, factor: float) -> "LogUniform":
        return LogUniform(self.low * factor, self.high * factor)

    def describe(self, digits: int = 3) -> str:
        return f"log-uniform, {self.low:.{digits}g} to {self.high:.{digits}g}"


@dataclass(frozen=True)
class Discrete(Spread):
    """A few possible values, ascending, with weights that are made to add up to one. A single value has no spread.

        x(q) = the first value up to which the weights, summed and over their total, exceed q

    values: in the unit of the number, ascending; weights [1]: above zero, one for each. Raises BadInput otherwise.
    """

    values: tuple[float, ...]
    weights: tuple[float, ...]

    def __post_init__(self) -> None:
        fine = bool(self.values) and len(self.values) == len(self.weights) and min(self.weights) > 0
        _require(fine, "a discrete spread needs as many weights above zero as it has values")
        ascending = all(a < b for a, b in pairwise(self.values))
        _require(ascending, f"the values of a discrete spread must ascend, got {list(self.values)}")

    @property
    def low(self) -> float:
        """The least value."""
        return self.values[0]

    @property
    def high(self) -> float:
        """The greatest value."""
        return self.values[-1]

    def ppf(self, quantile):
        steps = np.cumsum(self.weights) / math.fsum(self.weights)
        which = np.minimum(np.searchsorted(steps, np.asarray(quantile), side="right"), len(self.values) - 1)
        return np.asarray(self.values)[which]

    def scaled(self, factor: float) -> "Discrete":
        return Discrete(tuple(value * factor for value in self.values), self.weights)

    def truncated(self, low: float, high: float) -> "Discrete":
        """Only the values within [low, high]."""
        kept = [(v, w) for v, w in zip(self.values, self.weights, strict=True) if low <= v <= high]
        _require(bool(kept), f"no value of the discrete spread lies between {low:g} and {high:g}")
        return Discrete(*map(tuple, zip(*kept, strict=True)))

    def contains(self, value: float) -> bool:
        """Whether this is one of the values."""
        return any(math.isclose(value, one, rel_tol=1e-9, abs_tol=0.0) for one in self.values)

    def describe(self, digits: int = 3) -> str:
        if len(self.values) == 1:
            return "fixed"
        return "one of " + ", ".join(f"{value:.{digits}g}" for value in self.values)


_KINDS = {
    "normal": (Normal, ("mean", "sd"), ("low", "high")),
    "lognormal": (LogNormal, ("median", "gsd"), ("low", "high")),
    "uniform": (Uniform, ("low", "high"), ()),
    "loguniform": (LogUniform, ("low", "high"), ()),
    "discrete": (Discrete, ("values", "weights"), ()),
}


def read_spread(written: Mapping[str, object]) -> Spread:
    """A spread from its table form, such as {kind = "loguniform", low = 1e-15, high = 1e-14}.

    Raises BadInput for an unknown kind or key, a missing key, or numbers that make no distribution.
    """
    if not isinstance(written, Mapping) or "kind" not in written:
        raise BadInput(
            f"a spread is a table with a kind and its numbers, got {written!r}; kinds are {', '.join(_KINDS)}"
        )
    kind = written["kind"]
    if kind not in _KINDS:
        raise BadInput(f"the spread kind {kind!r} is not known; {nearest(str(kind), _KINDS)}")
    make, required, optional = _KINDS[kind]
    for key in written:
        if key not in ("kind", *required, *optional):
            raise BadInput(f"a {kind} spread has no {key!r}; {nearest(key, (*required, *optional))}")
    for key in required:
        if key not in written:
            raise BadInput(f"a {kind} spread needs {key!r}; add it")
    return make(**{key: _numbers(key, value) for key, value in written.items() if key != "kind"})


def sample_jointly(
    spreads: Mapping[str, Spread],
    rank_correlation: Mapping[tuple[str, str], float],
    count: int,
    generator: np.random.Generator,
) -> dict[str, np.ndarray]:
    """Draw several numbers together, with stated rank correlations (Gaussian copula).

    z ~ N(0, R), x_i = ppf_i(Phi(z_i)), R_ij = 2 sin(pi rho_ij / 6)

    spreads: by name. rank_correlation: Spearman's rho between pairs of names, -1 < rho < 1; pairs not named are
    independent. Returns arrays of shape (count,) by name. Raises BadInput for an unknown name or for correlations that
    no distribution can have together. Source: the copula of Iman and Conover's problem, key "iman-conover-1982".
    """
    from scipy.special import ndtr

    names = list(spreads)
    pearson = np.eye(len(names))
    for pair, rho in rank_correlation.items():
        for name in pair:
            _require(name in spreads, f"the correlation {pair} names {name!r}; {nearest(name, names)}")
        _require(
            -1 < rho < 1 and pair[0] != pair[1], f"the rank correlation of {pair} must lie inside -1 to 1, got {rho}"
        )
        i, j = (names.index(name) for name in pair)
        pearson[i, j] = pearson[j, i] = 2.0 * math.sin(math.pi * rho / 6.0)
    try:
        root = np.linalg.cholesky(pearson)
    except np.linalg.LinAlgError:
        raise BadInput("these rank correlations cannot hold together; make some of them weaker") from None
    uniform = ndtr(generator.standard_normal((count, len(names))) @ root.T)
    return {name: np.asarray(spreads[name].ppf(uniform[:, i])) for i, name in enumerate(names)}


def _truncated_score(quantile, low: float, high: float):
    """Standard normal quantile of a distribution cut to scores [low, high]; works in the tail that is thinner."""
    from scipy.special import ndtr, ndtri

    quantile = np.clip(quantile, _SMALLEST, _LARGEST)
    if low > 0:  # far above the mean the upper tail holds the digits
        return -ndtri(ndtr(-low) + quantile * (ndtr(-high) - ndtr(-low)))
    return ndtri(ndtr(low) + quantile * (ndtr(high) - ndtr(low)))


def _mass_inside(low: float, high: float) -> None:
    from scipy.special import ndtr

    mass = ndtr(high) - ndtr(low)
    _require(mass > _LEAST_MASS, f"only {max(mass, 0.0):.1e} of the spread lies between its low and high; widen them")


def _cut(low: float, high: float, digits: int) -> str:
    ends = [f"above {low:.{digits}g}"] if math.isfinite(low) else []
    ends += [f"below {high:.{digits}g}"] if math.isfinite(high) else []
    return f", cut {' and '.join(ends)}" if ends else ""


def _numbers(key: str, value: object):
    if isinstance(value, list):
        return tuple(_numbers(key, one) for one in value)
    fine = isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)
    _require(fine, f"{key} of a spread must be a finite number, got {value!r}")
    return float(value)


def _require(fine: bool, sentence: str) -> None:
    if not fine:
        raise BadInput(sentence)
