"""What is assumed of a species, and of the steps with which it is followed."""

from dataclasses import dataclass

import numpy as np

from ...quantities.refusal import BadInput


@dataclass(frozen=True)
class DissolvedSpecies:
    """How one species moves with and through the fluid.

    name: as in the ledger; diffusivity: pore diffusivity D [m2/s], a number or an array (nx, ny, nz), tortuosity
    inside, fluid fraction outside (flux density = -phi D grad c); needle: concentration of the injected fluid
    [mol/m3], a number or an array; far_field: concentration of fluid entering through the outer faces [mol/m3];
    exchange: permeability-surface product per fluid volume [1/s], a number or an array; plasma: concentration in plasma
    [mol/m3]; retained: fraction held back when fluid is taken up by vessels and lymph, 0 (leaves with the fluid) to 1
    [1].
    Refuses negative or non-finite values.
    """

    name: str
    diffusivity: float | np.ndarray
    needle: float | np.ndarray
    far_field: float
    exchange: float | np.ndarray
    plasma: float
    retained: float

    def __post_init__(self) -> None:
        for what in ("diffusivity", "needle", "far_field", "exchange", "plasma", "retained"):
            values = np.asarray(getattr(self, what), float)
            if not (np.all(np.isfinite(values)) and np.all(values >= 0.0)):
                raise BadInput(f"{what} of {self.name} must be finite and not negative: check the agent and the tissue")
        if self.retained > 1.0:
            raise BadInput(f"retained of {self.name} is a fraction between 0 and 1, got {self.retained:g}")


@dataclass(frozen=True)
class Stepping:
    """How finely transport follows a flow step: numbers of the method, none of physics.

    courant: fluid that may leave a voxel in a sub-step, in voxel fillings, where the concentration varies; most: the
    largest number of sub-steps of one flow step; spreading: largest D dt / h^2 of a sub-step (second order in time up
    to 1, first order and still bounded beyond).
    """

    courant: float = 0.7
    most: int = 64
    spreading: float = 1.0

    def __post_init__(self) -> None:
        if not (0.0 < self.courant <= 1.0 and self.most >= 1 and self.spreading > 0.0):
            raise BadInput(
                f"stepping needs 0 < courant <= 1, most >= 1 and spreading > 0, got {self.courant:g}, {self.most} "
                f"and {self.spreading:g}"
            )
