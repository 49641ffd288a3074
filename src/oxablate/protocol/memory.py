"""How much memory a case needs, told before anything large is made.

    bytes = base + voxels (flow + coupled + cracked + species count)

Each is what the peak of a process has more with that part: one that ran the first ten steps of a small case on 48^3 to
68^3 voxels, with all of its Krylov basis in use, and wrote its record. base: what 16^3 voxels take, and some more.
"""

import math

from ..quantities.refusal import BadInput
from ..storage.host import free_memory
from .case import Case

#: Bytes of the interpreter with its libraries and compiled kernels.
BASE_BYTES = 350_000_000
#: Bytes per voxel of fields, workspaces, multigrid and the record: of any run, ...
FLOW = 440
#: ... of the unsymmetric solver, where cracks or a track are solved with the flow, ...
COUPLED = 700
#: ... of faces, tables and the second pot of cracks, ...
CRACKED = 400
#: ... and of each dissolved species with what it reacts with.
SPECIES = 80


def memory_needed(shape: tuple[int, int, int], case: Case | None = None) -> int:
    """Bytes a run of a case on a grid of this shape takes at its peak; without one, of the plainest with an agent."""
    each = FLOW + SPECIES
    if case is not None:
        cracks = case.model.cracks == "cubic"
        each = FLOW + COUPLED * (cracks or _tracked(case)) + CRACKED * cracks + SPECIES * _species(case)
    return BASE_BYTES + each * math.prod(shape)


def _tracked(case: Case) -> bool:
    """Whether the flow is solved with the track of a needle; see `Delivery.simple`."""
    needle = case.needle
    asked = needle.several or needle.side_holes or needle.withdrawal or case.injection.hand
    return case.model.track == "gap" or bool(asked)


def _species(case: Case) -> int:
    """Dissolved species of the arm that has most."""
    return max(arm.concentration is not None for arm in case.arms) + (case.tracer is not None)


def require_grid_memory(shape: tuple[int, int, int], case: Case | None = None) -> tuple[int, int]:
    """Bytes that a run on a grid of this shape needs and those available; BadInput, with both, when it does not fit."""
    return require_bytes(shape, memory_needed(shape, case))


def require_bytes(shape: tuple[int, ...], needed: int) -> tuple[int, int]:
    """`needed` bytes for a grid of this shape and those available; BadInput, with both, when they do not fit."""
    available = free_memory()
    if needed > available:
        raise BadInput(
            f"a grid of {' x '.join(map(str, shape))} voxels needs {needed / 1e9:.1f} GB of memory and "
            f"{available / 1e9:.1f} GB is available; take a larger spacing or a smaller margin"
        )
    return needed, available
