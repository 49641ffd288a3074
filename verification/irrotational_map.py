"""Computes `irrotational_map.csv`: the irrotational default beside the coupled model on 32^3 voxels, five per radius.

    python verification/irrotational_map.py [verification/irrotational_map.csv]

A quarter of an hour on one core. Each row is a case (the fields of `irrotational.Case`, "inf" for no skin), a time
T = K H t / R^2 ("inf": steady), and the irrotational answer over the coupled one: pressure at the needle, peak
dilatation in the tumour (as a rule in the needle's voxel, 0.2 R wide), dilatation volume of the tumour, and of the box
(in time it is what was injected). The last two columns are no ratios but shares of the injected fluid that have left
the tumour, irrotational and coupled; negative: the tumour has drawn fluid in. Rows that the file holds are kept.
"""

import csv
import sys
from dataclasses import asdict
from itertools import product
from pathlib import Path

import numpy as np
from irrotational import RATE, Case, Pair, march, steady

RATIOS, POISSONS, SKINS = (0.1, 0.3, 1.0, 3.0, 10.0, 30.0), (0.0, 0.2, 0.35, 0.45), (None, 4.0, 2.0, 1.0)
KEYS = ("ratio", "poisson", "skin", "offset", "contrast", "variance", "seed", "time")
FIGURES = ("needle", "peak", "volume", "stored", "left_plain", "left_coupled")
TIMES = 0.01 * 10 ** (np.arange(-1, 7) / 3)


def steady_cases():
    """The plan of steady cases: all ratios, Poisson's ratios and skins, then one change at a time."""
    yield from (Case(m, nu, skin) for skin, nu, m in product(SKINS, POISSONS, RATIOS))
    yield from (Case(m, 0.2, skin, offset=0.6) for skin, m in product((None, 2.0), (0.3, 3.0, 10.0)))
    yield from (Case(m, 0.2, contrast=c) for c, m in product((0.1, 10.0), (0.3, 3.0, 10.0)))
    yield from (
        Case(m, nu, variance=v, seed=seed)
        for m, nu, v, seed in product((1.0, 3.0), (0.0, 0.35), (0.25, 1.0), range(1, 9))
    )


def row_of(case, time, pair_of_figures):
    """One line of the file. Figures: (needle, peak, volume, stored) of either code."""
    plain, coupled = pair_of_figures
    left = [1.0, 1.0] if np.isinf(time) else [1 - plain[2] / (RATE * time), 1 - coupled[2] / (RATE * time)]
    known = asdict(case) | {"time": time, "skin": np.inf if case.skin is None else case.skin}
    return [f"{known[k]:.6g}" for k in KEYS] + [f"{v:.5f}" for v in (*(plain / coupled), *left)]


def main(path):
    """Compute what is missing, line by line."""
    done = set()
    if path.exists():
        done = {tuple(line[: len(KEYS)]) for line in csv.reader(path.open()) if line}
    with path.open("a", newline="") as file:
        out = csv.writer(file, lineterminator="\n")
        if not done:
            out.writerow(KEYS + FIGURES)
        for case in steady_cases():
            if tuple(row_of(case, np.inf, (np.ones(4), np.ones(4)))[: len(KEYS)]) not in done:
                out.writerow(row_of(case, np.inf, steady(Pair(case))))
                file.flush()
        for case in (Case(10.0, 0.0), Case(0.3, 0.0), Case(3.0, 0.35)):
            last = (np.ones(4), np.full(4, 0.5))
            if tuple(row_of(case, TIMES[-1], last)[: len(KEYS)]) in done:
                continue
            for time, figures in zip(TIMES, march(Pair(case), TIMES), strict=True):
                out.writerow(row_of(case, time, figures))
            file.flush()


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else Path(__file__).with_suffix(".csv"))
