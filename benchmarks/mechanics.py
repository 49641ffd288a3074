"""The mechanics of an injection: runs that crack the tissue, the coupled Biot step, scikit-fem at equal error.

* Cracks: 4.2 mL at 1 mL/min into a 3 cm tumour, for three conductivities, 48^3 and 96^3 voxels (see cracks.py); one
  of them with the gap along the needle as well.
* Biot: a cube on smooth walls, loaded and drained at its top, with a ball in its middle 100 times stiffer than the rest
  (the strongest jump; a log-normal field of that contrast is easier, and a footnote) and a log-normal conductivity that
  spans a factor of 1e4 between plus and minus four standard deviations. A step is Alexander's, of two solves, from
  rest; it lasts as long as fluid needs to pass `PASSED` of the cube's edge at the median conductivity.
* The comparison with scikit-fem: see terzaghi.py.

All of it takes an hour or two on two cores; --size, --conductivity and --track pick single injections. --quick: a look.
"""

import argparse
import resource

import cracks
import numpy as np
from common import Figure, footnotes, median_time, report
from pressure import log_normal
from terzaghi import CONDUCTIVITY, SHEAR, comparison, consolidation_time, cube

from oxablate.physics.mechanics.closures import Alexander

STIFFER, SPREAD, PASSED, TOLERANCE = 100.0, 1e4, 0.1, 1e-8


def ball(n: int) -> np.ndarray:
    """Shear modulus [Pa]: a ball of half the edge in diameter, stiffer than the rest."""
    place = (np.indices((n, n, n)) + 0.5) / n - 0.5
    return np.where((place**2).sum(axis=0) < 0.25**2, STIFFER, 1.0) * SHEAR


class Step:
    """One step of a heterogeneous cube; the model, with its preconditioner, is made within the clock."""

    def __init__(self, n: int, shear: np.ndarray):
        self.n, self.shear, self.conductivity = n, shear, CONDUCTIVITY * log_normal(n, SPREAD)

    def __call__(self):
        model = cube(self.n, self.shear, self.conductivity)
        done = model.try_step(model.rest(), consolidation_time(PASSED**2), Alexander(), tolerance=TOLERANCE)
        if not done.outcome.ok:
            raise RuntimeError(str(done.outcome))
        self.iterations = done.iterations
        return done


def step_rows(n: int, repeats: int) -> list[Figure]:
    """Time, and the most memory the process ever held; first in the run, so that no larger box has been there."""
    Step(min(n, 32), ball(min(n, 32)))()  # compile
    step = Step(n, ball(n))
    elapsed = median_time(step, repeats)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 / 1e9
    return [
        Figure.judged(f"biot.step_time_{n}", elapsed, "s", "<= 15"),
        Figure.judged(f"biot.peak_memory_{n}", peak, "GB", "<= 1"),
    ]


def growth(small: int, large: int) -> list[Figure]:
    """Iterations of the two solves of a step, from a small to a large box, for the ball and for a log-normal field."""
    rows = []
    for name, field in (("ball", ball), ("log_normal", lambda n: SHEAR * log_normal(n, STIFFER, seed=3))):
        counts = {}
        for n in (small, large):
            step = Step(n, field(n))
            step()
            counts[n] = step.iterations
        target = "<= 1.5" if name == "ball" else ""
        rows.append(
            Figure.judged(
                f"biot.iteration_growth_{small}_{large}_{name}", counts[large] / counts[small], "times", target
            )
        )
        rows += [Figure.judged(f"biot.iterations_{name}_{n}", count, "iterations", "") for n, count in counts.items()]
    return rows


def biot(arguments) -> list[Figure]:
    """The rows of the coupled model; its step first, so that no larger box has been in this process."""
    n, sizes, cells = (min(arguments.n, 32), (16, 32), 6) if arguments.quick else (arguments.n, (32, 96), 10)
    return step_rows(n, 3) + growth(*sizes) + comparison(cells, 10, 0.1, 3)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--n", type=int, default=64, help="voxels along an edge for the time of a Biot step")
    parser.add_argument("--size", type=int, nargs="+", help="only injections, with so many voxels along an edge")
    parser.add_argument("--conductivity", type=float, nargs="+", help="only injections, at these [m2/(Pa s)]")
    parser.add_argument("--track", action="store_true", help="only injections, with the gap along the needle")
    parser.add_argument("--quick", action="store_true", help="small boxes: a look, not the figures that are asked for")
    parser.add_argument("--json", action="store_true")
    arguments = parser.parse_args()
    single = arguments.size or arguments.conductivity or arguments.track
    rows = [] if single else biot(arguments)
    sizes = arguments.size or ((24,) if arguments.quick else (48, 96))
    for size in sizes:
        rows += cracks.figures(size, arguments.conductivity or cracks.CONDUCTIVITIES, arguments.track)
    if not single:
        rows += cracks.figures(sizes[0], cracks.CONDUCTIVITIES[1:2], True)
    report(rows + footnotes(), arguments.json)


if __name__ == "__main__":
    main()
