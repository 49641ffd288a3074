"""Writing one step of a record: fields, checkpoint, series and commit marker, until all of it is on the disk.

The fields are those of the arm with most of them (chlorine dioxide with three pools and a front). What flows varies in
every voxel, as in heterogeneous tissue, so that it hardly compresses; what the agent did varies in a ball that fills a
twelfth of the grid. As a footnote, the same with noise in every voxel of every field, which compresses not at all.
"""

import argparse
import tempfile
from pathlib import Path

import numpy as np
from common import Figure, footnotes, report, seconds

from oxablate.physics.injury.step import InjuryState
from oxablate.protocol.arm_book import ArmBook
from oxablate.protocol.ledger import Ledger
from oxablate.protocol.state import AgentState, Clock, State
from oxablate.quantities.parameter import POOLS
from oxablate.space.grid import VoxelGrid

STEPS = 5
COLUMNS = 18


def made_up_state(n: int, step: int, everywhere: bool) -> State:
    """A state on n^3 voxels; everywhere: the agent's fields vary in every voxel, not only in a ball."""
    random = np.random.default_rng(step)
    axis = np.arange(n) - (n - 1) / 2
    r = np.sqrt(axis[:, None, None] ** 2 + axis[None, :, None] ** 2 + axis[None, None, :] ** 2)
    inside = (r < 0.27 * n) | everywhere

    def flowing(size: float) -> np.ndarray:
        return size * (1 + 0.1 * random.random(r.shape)) / (1 + r / n)

    def reacting(outside: float) -> np.ndarray:
        return np.where(inside, random.random(r.shape), outside)

    agent = AgentState(
        reacting(0.0)[None], np.stack([reacting(20.0) for _ in POOLS]), reacting(0.0), reacting(0.0), reacting(0.0),
        reacting(0.0),
    )  # fmt: skip
    injury = InjuryState(reacting(0.0), np.zeros((2, 0, 0, 0)), np.zeros((2, 0, 0, 0)))
    clock = Clock(float(step), 1.0, step)
    return State(clock, agent, flowing(1e3), flowing(1.0), flowing(1.0), flowing(1e-11)[None], injury)


def fields_of(state: State) -> dict[str, np.ndarray]:
    """What `protocol.outcomes.kept_fields` keeps of a state."""
    fields = {name: getattr(state, name) for name in ("pressure", "volume_ratio", "vessel_fraction")}
    fields |= {"fluid_fraction": state.fluid_volume * 1e9, "concentration": state.agent.concentration[0]}
    fields |= {"exposure": state.agent.exposure, "swept": state.agent.swept, "killed": state.injury.killed}
    return fields | {f"pool_{name}": state.agent.pools[number] for number, name in enumerate(POOLS)}


def step_seconds(n: int, everywhere: bool = False, folder: Path | None = None) -> tuple[float, int]:
    """Median seconds of keeping a step of n^3 voxels, and the bytes of one step on the disk."""
    with tempfile.TemporaryDirectory(dir=folder) as home:
        book = ArmBook(Path(home), "benchmark")
        grid = VoxelGrid((n, n, n), (5e-4,) * 3, (0.0,) * 3, ((1.0, 0.0, 0.0), (0.0, 1.0, 0.0), (0.0, 0.0, 1.0)))
        first = made_up_state(n, 0, everywhere)
        still = {"tissue": np.ones(grid.shape, np.uint8)}
        book.begin(grid, {"arm": "benchmark"}, [float(k) for k in range(STEPS + 1)], still, fields_of(first))
        times = []
        for step in range(1, STEPS + 1):
            state = made_up_state(n, step, everywhere)
            fields = fields_of(state)
            book.rows.append({f"column_{number}": 1.0 / step for number in range(COLUMNS)})
            times.append(seconds(lambda s=state, f=fields, k=step: book.keep(float(k), f, s, Ledger())))
        marker = book.log.read()[-1]
        kept = sum(stamp["bytes"] for stamp in marker["files"].values())
        return sorted(times)[STEPS // 2], kept + marker["checkpoint"]["bytes"]


def figures(n: int, folder: Path | None = None) -> list[Figure]:
    """The rows, without those of the machine."""
    usual, size = step_seconds(n, folder=folder)
    worst, most = step_seconds(n, everywhere=True, folder=folder)
    return [
        Figure.judged(f"doors.record_step_{n}", usual, "s", "<= 1"),
        Figure.judged(f"doors.record_step_{n}_size", size / 1e6, "MB", ""),
        Figure.judged(f"doors.record_step_{n}_noise", worst, "s", ""),
        Figure.judged(f"doors.record_step_{n}_noise_size", most / 1e6, "MB", ""),
    ]


def main() -> None:
    """Read the arguments and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--n", type=int, default=128)
    parser.add_argument("--json", action="store_true")
    arguments = parser.parse_args()
    report(figures(arguments.n) + footnotes(), arguments.json)


if __name__ == "__main__":
    main()
