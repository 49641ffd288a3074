"""One flow step of transport: agents carried, spread and exchanged while the fluxes stay constant.

A flow step is cut into sub-steps (`stepping`). Each sub-step is advection over its whole length between two halves of
diffusion and exchange (G. Strang, SIAM J. Numer. Anal. 5 (1968) 506-517, doi:10.1137/0705041); neighbouring halves are
merged. Second order in space and time where the solution is smooth and the Courant number at most one, first order
in voxels that are faster, never out of bounds.
"""

from dataclasses import dataclass
from enum import Enum

import numpy as np

from ..process import Booking
from .closures import DissolvedSpecies, Stepping
from .passage import Passage


@dataclass(frozen=True)
class StepFluxes:
    """The fluid motion of one flow step, constant over it, as the flow solver found it.

    qx, qy, qz: fluxes through the faces [m3/s], shapes (nx+1, ny, nz), (nx, ny+1, nz), (nx, ny, nz+1), outer faces
    included, positive along the growing index; needle: fluid injected, by the needle or out of cracks [m3/s]; gained:
    fluid filtered from vessels, free of agent [m3/s]; lost: fluid taken up by vessels and lymph [m3/s]; the last three
    (nx, ny, nz), not negative.
    """

    qx: np.ndarray
    qy: np.ndarray
    qz: np.ndarray
    needle: np.ndarray
    gained: np.ndarray
    lost: np.ndarray


class TransportEnding(Enum):
    """The ways a flow step can end. The value is a sentence; the remedy follows the failure."""

    DONE = "done"
    EMPTIED = "the fluxes empty a voxel within the step. Remedy: shorten the flow step or tighten the flow tolerance"


@dataclass(frozen=True)
class TransportOutcome:
    """What one flow step of transport returns beside its fields.

    ending: how it ended (when EMPTIED, no field was touched); bookings: one per species [mol]; substeps: how many;
    where: the voxel (i, j, k) that would be emptied, None when done.
    """

    ending: TransportEnding
    bookings: list[Booking]
    substeps: int
    where: tuple[int, int, int] | None = None

    @property
    def ok(self) -> bool:
        return self.ending is TransportEnding.DONE

    def __str__(self) -> str:
        at = "" if self.where is None else f" at voxel {self.where}"
        return f"{self.ending.value}{at} ({self.substeps} sub-steps)"


class Transport:
    """Moves dissolved species through one pot of fluid on a grid; owns the workspaces.

    shape: (nx, ny, nz) voxels; spacing: (dx, dy, dz) [m]; stepping: numbers of the method.
    """

    def __init__(self, shape: tuple[int, int, int], spacing: tuple[float, float, float], stepping: Stepping) -> None:
        self.shape = tuple(int(n) for n in shape)
        self.inverse_squares = tuple(1.0 / h**2 for h in spacing)
        self.stepping = stepping
        names = ("out", "net", "theta", "low", "drift", "ax", "ay", "az", "rise", "fall", "supplied")
        self.work = {name: np.zeros(self.shape) for name in names}
        self.degree = np.full(self.shape, -1, dtype=np.int8)

    @staticmethod
    def memory(shape: tuple[int, int, int]) -> int:
        """Bytes of workspace for a grid of this shape (ordering of fast voxels aside)."""
        return int(np.prod(shape)) * (11 * 8 + 1)

    def suggest_step(
        self,
        concentration: np.ndarray,
        fluid_volume: np.ndarray,
        fluxes: StepFluxes,
        species: list[DissolvedSpecies],
        longest: float,
    ) -> float:
        """A step [s], at most `longest`, in which fronts move by about one Courant number of `stepping`.

        Arguments as for `advance`. Voxels that are fast but level in concentration do not shorten it.
        """
        passage = Passage(self, concentration, fluid_volume, fluxes, species, longest, None)
        return longest / max(1.0, passage.wanted(0.0, longest))

    def advance(
        self,
        concentration: np.ndarray,
        fluid_volume: np.ndarray,
        fluxes: StepFluxes,
        species: list[DissolvedSpecies],
        dt: float,
        no_diffusion: np.ndarray | None,
    ) -> TransportOutcome:
        """Advance all species and the fluid volume by dt [s], in place; see `equations` for the equation.

        concentration: (species, nx, ny, nz) [mol/m3]; fluid_volume: (nx, ny, nz) [m3], > 0, or 0 in
        voxels outside the body, which no fluid crosses; both float64, C-ordered,
        written in place. no_diffusion: boolean (nx, ny, nz), voxels no diffusive flux may touch, or None. Refuses
        wrong shapes and negative sources; returns EMPTIED, with nothing touched, when W would not stay positive.
        """
        passage = Passage(self, concentration, fluid_volume, fluxes, species, dt, no_diffusion)
        emptied = passage.emptied()
        if emptied is not None:
            return TransportOutcome(TransportEnding.EMPTIED, [Booking() for _ in species], 0, emptied)
        substeps = passage.run()
        return TransportOutcome(TransportEnding.DONE, [book.close(dt) for book in passage.books], substeps)
