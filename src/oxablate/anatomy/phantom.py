"""Synthetic subjects from a seeded recipe: a tumour in a host organ, drawn by formulas, sampled on any grid.

The recipe is geometry in millimetres around the tumour's centre, LPS (0, 0, 0). A voxel takes the tissue at its
centre, so a finer grid samples the same body and volumes converge to those of the formulas.
"""

from dataclasses import dataclass
from typing import Literal

import numpy as np

from ..quantities.refusal import BadInput
from ..space.grid import VoxelGrid
from ..space.image import SPACING_LIMITS_MM, Image, ImageGeometry
from .heterogeneity import Heterogeneity
from .septa import NoSepta, Septa
from .shape import Shape, require_positive, require_seed
from .tissue import Tissue

_AXES = ((1.0, 0.0, 0.0), (0.0, 1.0, 0.0), (0.0, 0.0, 1.0))

#: Grey levels of phantom images in arbitrary units, ordered as in a contrast-enhanced T1 image. Pictures, not physics.
_GREY = {
    Tissue.AIR: 0.0,
    Tissue.HOST: 300.0,
    Tissue.TUMOUR_VIABLE: 620.0,
    Tissue.NECROTIC_CORE: 170.0,
    Tissue.CAPSULE: 430.0,
    Tissue.SEPTUM: 380.0,
    Tissue.SKIN: 520.0,
    Tissue.LARGE_VESSEL: 850.0,
}


@dataclass(frozen=True)
class NoCore:
    """A tumour without a necrotic core."""

    kind: Literal["none"] = "none"


@dataclass(frozen=True)
class NecroticCore:
    """A dead centre: the outline scaled down about its centre. volume_fraction: of the whole outline, 0 to 1."""

    volume_fraction: float
    kind: Literal["core"] = "core"

    def __post_init__(self) -> None:
        if not 0 < self.volume_fraction < 1:
            raise BadInput(f"volume_fraction {self.volume_fraction!r} came, a number between 0 and 1 is allowed")


@dataclass(frozen=True)
class NoCapsule:
    """A tumour that borders its host directly."""

    kind: Literal["none"] = "none"


@dataclass(frozen=True)
class Capsule:
    """A fibrous shell, the outermost part of the outline. thickness_mm: semi-axes or radius lose this much [mm]."""

    thickness_mm: float
    kind: Literal["capsule"] = "capsule"

    def __post_init__(self) -> None:
        require_positive("thickness_mm", self.thickness_mm)


@dataclass(frozen=True)
class NoSkin:
    """A deep tumour: host tissue up to every face of the grid."""

    kind: Literal["none"] = "none"


@dataclass(frozen=True)
class Skin:
    """A flat skin in front of the tumour (towards -y, anterior), air beyond it.

    depth_mm: tissue between the front of the tumour and the outer surface of the skin [mm]. thickness_mm: of the skin
    itself [mm], at most the depth.
    """

    depth_mm: float
    thickness_mm: float
    kind: Literal["skin"] = "skin"

    def __post_init__(self) -> None:
        require_positive("depth_mm", self.depth_mm)
        require_positive("thickness_mm", self.thickness_mm)
        if self.thickness_mm > self.depth_mm:
            raise BadInput(
                f"a skin of {self.thickness_mm:g} mm came for a tumour {self.depth_mm:g} mm below the surface; "
                "the skin may be as thick as the tumour is deep"
            )


@dataclass(frozen=True)
class Surroundings:
    """What the tumour lies in.

    host: name of the organ, as in the tables of tissue properties. margin_mm: from the outline of the tumour to every
    face of the grid [mm]. skin: `NoSkin` or `Skin`, less deep than the margin so that its surface is in the grid.
    """

    host: str
    margin_mm: float
    skin: NoSkin | Skin

    def __post_init__(self) -> None:
        require_positive("margin_mm", self.margin_mm)
        if not self.host or not isinstance(self.host, str):
            raise BadInput("the host organ has no name; name the organ whose tissue properties hold, such as 'liver'")
        if isinstance(self.skin, Skin) and self.skin.depth_mm >= self.margin_mm:
            raise BadInput(
                f"the skin lies {self.skin.depth_mm:g} mm from the tumour, beyond the margin of {self.margin_mm:g} mm; "
                "raise the margin or leave the skin out"
            )


@dataclass(frozen=True)
class PhantomRecipe:
    """Everything that defines a synthetic subject; equal recipes give equal bytes.

    shape: outline of the mass, capsule included. core, capsule, septa: its parts, each possibly absent by type.
    surroundings: host organ, margin, skin. heterogeneity: log-normal factor field or `Uniform()`. Random parts carry
    their own seeds, so changing one leaves the others as they are. Fails with `BadInput` where parts do not fit.
    """

    shape: Shape
    core: NoCore | NecroticCore
    capsule: NoCapsule | Capsule
    septa: Septa
    surroundings: Surroundings
    heterogeneity: Heterogeneity

    def __post_init__(self) -> None:
        thinnest = self.shape.thinnest_mm
        if self.capsule_mm >= thinnest:
            raise BadInput(
                f"a capsule of {self.capsule_mm:g} mm came for a tumour whose smallest radius is {thinnest:.3g} mm; "
                "take a thinner capsule or a larger tumour"
            )
        room = (1.0 - self.capsule_mm / thinnest) ** 3
        if self.core_fraction > room:
            raise BadInput(
                f"a necrotic core of {self.core_fraction:g} of the volume would reach the capsule; "
                f"at most {room:.3g} is allowed with this shape and capsule"
            )

    @property
    def capsule_mm(self) -> float:
        """Thickness of the capsule [mm], 0 without one."""
        return self.capsule.thickness_mm if isinstance(self.capsule, Capsule) else 0.0

    @property
    def core_fraction(self) -> float:
        """Share of the outline's volume that is necrotic core, 0 without one."""
        return self.core.volume_fraction if isinstance(self.core, NecroticCore) else 0.0


def phantom_geometry(recipe: PhantomRecipe, spacing_mm: tuple[float, float, float]) -> ImageGeometry:
    """Voxels around the tumour of a recipe, centred on its box, in whole numbers of voxels of at least the margin."""
    low, high = SPACING_LIMITS_MM
    if len(spacing_mm) != 3 or not all(low <= s <= high for s in spacing_mm):
        raise BadInput(f"a spacing of {spacing_mm} mm came, three lengths of {low:g} to {high:g} mm are allowed")
    shape, origin = [], []
    for (first, last), step in zip(recipe.shape.extent_mm, spacing_mm, strict=True):
        length = last - first + 2.0 * recipe.surroundings.margin_mm
        count = int(np.ceil(length / step * (1.0 - 1e-12)))
        shape.append(count)
        origin.append(0.5 * (first + last) - 0.5 * (count - 1) * step)
    return ImageGeometry(tuple(shape), tuple(float(s) for s in spacing_mm), tuple(map(float, origin)), _AXES)


def phantom_labels(recipe: PhantomRecipe, grid: VoxelGrid) -> np.ndarray:
    """Tissue labels (uint8, grid.shape) of a recipe at the voxel centres of a grid along the patient's axes.

    From outside to inside: air, skin, host, capsule, viable tumour with septa, necrotic core.
    """
    geometry = ImageGeometry.of_grid(grid)
    x, y, z = (geometry.origin[a] + np.arange(geometry.shape[a]) * geometry.spacing[a] for a in range(3))
    labels = np.full(geometry.shape, Tissue.HOST, np.uint8)
    skin = recipe.surroundings.skin
    if isinstance(skin, Skin):
        surface = recipe.shape.extent_mm[1][0] - skin.depth_mm
        labels[:, y < surface + skin.thickness_mm] = Tissue.SKIN
        labels[:, y < surface] = Tissue.AIR
    core_level = np.cbrt(recipe.core_fraction)
    for i, plane in enumerate(labels):
        outer = recipe.shape.level(x[i], y[:, None], z[None, :], 0.0)
        inside = np.nonzero(outer < 1.0)
        if len(inside[0]) == 0:
            continue
        points = np.stack([np.full(len(inside[0]), x[i]), y[inside[0]], z[inside[1]]], axis=1)
        tissue = np.full(len(points), Tissue.TUMOUR_VIABLE, np.uint8)
        tissue[recipe.septa.contains(points, recipe.shape)] = Tissue.SEPTUM
        tissue[recipe.shape.level(*points.T, recipe.capsule_mm) >= 1.0] = Tissue.CAPSULE
        tissue[outer[inside] < core_level] = Tissue.NECROTIC_CORE
        plane[inside] = tissue
    return labels


def phantom_notes(recipe: PhantomRecipe, spacing_mm: float) -> tuple[str, ...]:
    """Sentences about what a grid of this spacing [mm] cannot show of a recipe."""
    sheets = {"capsule": recipe.capsule_mm}
    if not isinstance(recipe.septa, NoSepta):
        sheets["septa"] = recipe.septa.thickness_mm
    notes = [
        f"{name} of {thickness:g} mm on voxels of {spacing_mm:g} mm: no closed sheet below about two voxels"
        for name, thickness in sheets.items()
        if 0 < thickness < 2.0 * spacing_mm
    ]
    length = getattr(recipe.heterogeneity, "correlation_length_mm", None)
    if length is not None and length < 8.0 * spacing_mm:
        notes.append(
            f"correlation length of {length:g} mm on voxels of {spacing_mm:g} mm: fewer than eight voxels, "
            "so statistics of the flow are not resolved"
        )
    return tuple(notes)


def phantom_images(
    recipe: PhantomRecipe, spacing_mm: tuple[float, float, float], noise: float, seed: int
) -> tuple[Image, Image]:
    """A synthetic scan of a recipe: intensities (float32, arbitrary units) and the label map (uint8).

    noise: standard deviation of the normal noise relative to the host's grey level, 0 or more. seed: of the noise.
    Grey levels only look like a contrast-enhanced T1 image; nothing may be measured from them.
    """
    require_seed("seed", seed)
    if not (np.isfinite(noise) and noise >= 0):
        raise BadInput(f"noise {noise!r} came, a finite number of at least 0 is allowed")
    geometry = phantom_geometry(recipe, spacing_mm)
    labels = phantom_labels(recipe, geometry.to_grid())
    grey = np.zeros(256)
    grey[list(_GREY)] = list(_GREY.values())
    random = np.random.default_rng([seed, 5])
    scatter = noise * _GREY[Tissue.HOST] * random.standard_normal(labels.shape)
    values = np.abs(grey[labels] + scatter).astype(np.float32)
    return Image(values, geometry), Image(labels, geometry)
