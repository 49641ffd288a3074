"""One step of injury: read the doses, move the killed share up where they demand it."""

from dataclasses import dataclass
from functools import singledispatch

import numpy as np

from ...quantities.refusal import BadInput
from .closures import ExposureLaw, NoInjury, ThiolLossLaw
from .kernels import exposure_sweep, thiol_sweep


@dataclass
class InjuryState:
    """What injury carries from step to step.

    killed: share of the cells dead [1] (nx, ny, nz); doses: integral of c^n dt of the mixed and of the swept part
    [(mol/m3)^n s] (2, nx, ny, nz); seen: exposures already counted [mol s/m3] (2, nx, ny, nz). Laws without a dose of
    their own leave the last two empty.
    """

    killed: np.ndarray
    doses: np.ndarray
    seen: np.ndarray

    @classmethod
    def fresh(cls, shape, law) -> "InjuryState":
        """The state before anything has died."""
        empty = (2, *shape) if isinstance(law, ExposureLaw) else (2, 0, 0, 0)
        return cls(np.zeros(shape), np.zeros(empty), np.zeros(empty))


@dataclass(frozen=True)
class Doses:
    """What the laws may read, all (nx, ny, nz) float64: they see fields and not the reaction.

    pool_left, pool_start: the pool a law names, now and before treatment, voxel means [mol/m3]; exposure: integral of
    c dt of what was mixed [mol s/m3]; front_exposure: the same of what passed behind a front; swept: share of the
    voxel behind a front [1].
    """

    pool_left: np.ndarray
    pool_start: np.ndarray
    exposure: np.ndarray
    front_exposure: np.ndarray
    swept: np.ndarray


@singledispatch
def injure(law, state: InjuryState, doses: Doses, tumour: np.ndarray, dt: float, box: np.ndarray | None = None) -> None:
    """Raise state.killed, in place, to what a law demands of the doses; it never falls.

        killed = max(killed, f K(dose in the swept part) + (1 - f) K(dose in the rest))

    law: NoInjury, ThiolLossLaw or ExposureLaw; tumour: bool (nx, ny, nz), outside it the law's selectivity applies;
    dt: time since the last call [s], > 0; box: (i0, i1, j0, j1, k0, k1) half open, outside which nothing is read.
    Refuses a law it does not know and fields of unequal shape. Source: see `equations`.
    """
    raise BadInput(f"injury knows no law {type(law).__name__}: give NoInjury, ThiolLossLaw or ExposureLaw")


@injure.register
def _(law: NoInjury, state, doses, tumour, dt, box=None) -> None:
    return None


@injure.register
def _(law: ThiolLossLaw, state, doses, tumour, dt, box=None) -> None:
    box = _checked(state, doses, tumour, box)
    thiol_sweep(
        state.killed, doses.pool_left, doses.pool_start, doses.swept, tumour, law.lethal_odds, law.selectivity,
        law.steepness, box,
    )  # fmt: skip


@injure.register
def _(law: ExposureLaw, state, doses, tumour, dt, box=None) -> None:
    box = _checked(state, doses, tumour, box)
    if not dt > 0.0:
        raise BadInput(f"exposure needs the time since the last call, a positive number of seconds, got {dt}")
    numbers = (law.lethal_dose, law.toxic_power, law.steepness, law.selectivity)
    exposure_sweep(
        state.killed, (doses.exposure, doses.front_exposure), state.seen, state.doses, doses.swept, tumour, numbers,
        dt, box,
    )  # fmt: skip


def _checked(state, doses, tumour, box) -> np.ndarray:
    shape = state.killed.shape
    for name in ("pool_left", "pool_start", "exposure", "front_exposure", "swept"):
        field = getattr(doses, name)
        if field.shape != shape or field.dtype != np.float64:
            raise BadInput(f"{name} is {field.dtype} of shape {field.shape}, injury needs float64 of shape {shape}")
    if tumour.shape != shape or tumour.dtype != np.bool_:
        raise BadInput(f"tumour is {tumour.dtype} of shape {tumour.shape}, injury needs booleans of shape {shape}")
    return np.array([0, shape[0], 0, shape[1], 0, shape[2]]) if box is None else np.asarray(box, dtype=np.int64)
