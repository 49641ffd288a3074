"""What every benchmark needs: rows, clocks that alternate between rivals, and the memory bandwidth of the machine."""

import json
import operator
import statistics
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass

import numpy as np

from oxablate.numerics.jit import njit_parallel, prange

RELATIONS = {">=": operator.ge, "<=": operator.le, ">": operator.gt, "<": operator.lt, "==": operator.eq}


@dataclass(frozen=True)
class Figure:
    """One row: what was measured, in which unit, and whether the target was met (None: a footnote without target)."""

    figure: str
    value: float
    unit: str
    target: str
    holds: bool | None

    @classmethod
    def judged(cls, figure: str, value: float, unit: str, target: str) -> "Figure":
        """A row held against a target such as ">= 12"; with an empty target, a footnote."""
        if not target:
            return cls(figure, float(value), unit, "", None)
        relation, bound = target.split()
        return cls(figure, float(value), unit, target, bool(RELATIONS[relation](value, float(bound))))


def report(figures: list[Figure], as_json: bool) -> None:
    """Print the rows, as JSON (the last thing on standard output) or as a table."""
    if as_json:
        print(json.dumps([asdict(figure) for figure in figures], indent=1))
        return
    width = max(len(figure.figure) for figure in figures)
    for row in figures:
        verdict = {True: "holds", False: "FAIL", None: ""}[row.holds]
        print(f"{row.figure:<{width}}  {row.value:>12.4g}  {row.unit:<14}  {row.target:<12}  {verdict}")


def seconds(action: Callable[[], object]) -> float:
    """Wall-clock seconds of one call."""
    start = time.perf_counter()
    action()
    return time.perf_counter() - start


def median_time(action: Callable[[], object], repeats: int = 3) -> float:
    """Median seconds over `repeats` calls; compile before."""
    return statistics.median(seconds(action) for _ in range(repeats))


def alternating_times(actions: dict[str, Callable[[], object]], repeats: int = 3) -> dict[str, float]:
    """Median seconds of each rival, called in turn so that a slow spell of the machine meets all of them."""
    times = {name: [] for name in actions}
    for _ in range(repeats):
        for name, action in actions.items():
            times[name].append(seconds(action))
    return {name: statistics.median(values) for name, values in times.items()}


@njit_parallel()
def _triad(a, b, c, factor):
    for i in prange(a.size):
        a[i] = b[i] + factor * c[i]


def triad_bandwidth(megabytes: int = 512) -> float:
    """Memory bandwidth in GB/s of a = b + f c over all threads, arrays far larger than a usual cache (three in all)."""
    n = megabytes * 10**6 // 24
    a, b, c = np.zeros(n), np.ones(n), np.ones(n)
    _triad(a, b, c, 0.5)
    best = min(seconds(lambda: _triad(a, b, c, 0.5)) for _ in range(5))
    return 3 * 8 * n / best / 1e9


def footnotes() -> list[Figure]:
    """Rows that say what machine this was."""
    return [Figure.judged("machine.triad_bandwidth", triad_bandwidth(), "GB/s", "")]
