"""Where and how the tissues of a case crack: their laws, and the pressure field at which they do.

    p_frac(x) = p_frac(tissue at x) v(x) t(x)

v: log-normal, correlated, fixed in space, of its own seed (see `anatomy.heterogeneity`). t: 1, and less beside the
needle's shaft; share ** w with w = 1 inside the damaged radius and 0 outside it, straight over one voxel between. On
voxels wider than half that radius t is 1: smeared over whole voxels, a zone of half a millimetre becomes a weak column
millimetres thick, and decides with the place of the grid between cracks and backflow (measured: from 0 to 95 % of the
liquid ran back when the needle moved by half a voxel).
"""

from dataclasses import replace

import numpy as np

from ..anatomy.heterogeneity import Heterogeneity, LogNormal, Uniform
from ..anatomy.tissue import Tissue
from ..physics.flow.closures import CrackedTissues, TissueFlow
from ..physics.flow.crack_closures import NoMemory, NonLocalMemory, fracture_field
from ..quantities.parameter_set import MECHANICS
from ..space.grid import MM, VoxelGrid
from .crack_numbers import crack_law, memory_law
from .setting import Setting, tissue_flows

#: Voxels per correlation length below which statistics of the paths are not resolved.
RESOLVED = 8.0
#: Voxels per damaged radius beside a needle below which it is left out.
DAMAGE_RESOLVED = 2.0
#: Sets the field of the fracture pressure apart from everything else that the case's seed draws.
_STREAM = 11


def cracked_tissues(setting: Setting) -> CrackedTissues | tuple[TissueFlow, ...]:
    """The flow properties of every label, air first, with cracks where the case's model has them."""
    tissues = tissue_flows(setting)
    if setting.case.model.cracks != "cubic":
        return tissues
    cracking = tuple(
        flow if tissue is Tissue.AIR else replace(flow, cracks=crack_law(setting.parameters, tissue.word))
        for tissue, flow in zip(Tissue, tissues, strict=True)
    )
    return CrackedTissues(cracking, fracture_pressure(setting), _memory(setting))


def _memory(setting: Setting) -> NoMemory | NonLocalMemory:
    if setting.case.model.crack_memory == "none":
        return NoMemory()
    return memory_law(setting.parameters)


def fracture_pressure(setting: Setting) -> np.ndarray:
    """Fracture pressure before anything opened, per voxel [Pa]. Shape (nx, ny, nz)."""
    parameters, subject = setting.parameters, setting.subject
    value = parameters[Tissue.TUMOUR_VIABLE.word]["fracture_pressure"].si
    factors = [1.0 if t is Tissue.AIR else parameters[t.word]["fracture_pressure"].si / value for t in Tissue]
    varied = variation(setting).factor(subject.grid) * _beside_shafts(setting)
    return fracture_field(value, factors, subject.labels, varied)


def variation(setting: Setting) -> Heterogeneity:
    """How the fracture pressure varies inside a tissue: a field of its own, whatever the conductivity does."""
    common = setting.parameters[MECHANICS]
    variance, length = common["fracture_log_variance"].si, common["fracture_correlation_length"].si
    if variance == 0.0:
        return Uniform()
    seed = int(np.random.SeedSequence([setting.case.seed, _STREAM]).generate_state(1)[0])
    return LogNormal(variance, length / MM, seed)


def _beside_shafts(setting: Setting) -> np.ndarray:
    """What the needles' way leaves of the fracture pressure [1]; 1 where nobody knows the way, or voxels are wide."""
    grid, common = setting.subject.grid, setting.parameters[MECHANICS]
    share, radius = common["track_fracture_share"].si, common["track_damage_radius"].si
    if not damage_resolved(setting):
        return np.ones(grid.shape)
    nearest = np.full(grid.shape, np.inf)
    for needle in setting.delivery.needles:
        course = getattr(needle, "course", None)
        if course is not None:
            np.minimum(nearest, distance_to(course.tip, course.entry, grid), out=nearest)
    weight = np.clip(0.5 + (radius - nearest) / min(grid.spacing), 0.0, 1.0)
    return share**weight


def damage_resolved(setting: Setting) -> bool:
    """Whether the voxels are fine enough for the zone that a needle's way has weakened."""
    radius = setting.parameters[MECHANICS]["track_damage_radius"].si
    return radius >= DAMAGE_RESOLVED * max(setting.subject.grid.spacing)


def distance_to(first, last, grid: VoxelGrid) -> np.ndarray:
    """Distance [m] of every voxel's centre to the straight piece between two places, LPS [m]. Shape (nx, ny, nz)."""
    a, b = (grid.world_to_index(point) * np.asarray(grid.spacing) for point in (first, last))
    axes = np.ix_(*(np.arange(n) * h for n, h in zip(grid.shape, grid.spacing, strict=True)))
    from_a = [x - at for x, at in zip(axes, a, strict=True)]
    along = sum(d * e for d, e in zip(from_a, b - a, strict=True)) / float((b - a) @ (b - a))
    along = np.clip(along, 0.0, 1.0)
    return np.sqrt(sum((d - along * e) ** 2 for d, e in zip(from_a, b - a, strict=True)))
