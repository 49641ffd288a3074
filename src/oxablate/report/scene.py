"""What figures and tables ask of a record, read once."""

from functools import cached_property

import numpy as np

from ..anatomy.tissue import Tissue, is_tumour
from ..protocol.outcomes import REACHED
from ..protocol.record import Record
from ..quantities.refusal import BadInput
from ..space.grid import MM, VoxelGrid
from .planes import planes

_ROUND_TUMOUR = 0.15  # of its longest edge, kept round what a picture shows
_AROUND = 1  # voxels kept round it beside that
_LEAST_CLOSE_UP = 6  # voxels that a close-up shows beside what was reached
_TORN = 1e-4  # of a voxel: a smaller crack widens no picture
_CLOSE = 0.4  # of the window's edge: what is smaller gets a close-up

#: First and last voxel along each grid axis.
Window = tuple[tuple[int, int], ...]


class Scene:
    """A record with the questions that its pages ask.

    record: as opened. arms: those with outcomes (a stopped run may lack some); BadInput where there is none.
    """

    def __init__(self, record: Record):
        self.record, self.about = record, record.about
        self.arms = tuple(a for a in record.arms if (record.folder / "arms" / a / "summary.json").is_file())
        if not self.arms:
            raise BadInput(
                f"{record.folder}: no arm of this run has an outcome; let it go on with `oxablate run --resume`"
            )
        self._data = {arm: record.fields(arm) for arm in self.arms}
        self.summaries = {arm: record.summary(arm) for arm in self.arms}
        self.series = {arm: record.series(arm) for arm in self.arms}

    # -- place ---------------------------------------------------------------------------------------------------

    @cached_property
    def grid(self) -> VoxelGrid:
        """The computing grid."""
        return grid_of(self._data[self.arms[0]])

    @cached_property
    def planes(self):
        """Axial, coronal and sagittal plane of the grid."""
        return planes(self.grid.direction)

    @cached_property
    def tissue(self) -> np.ndarray:
        """Tissue labels on the grid."""
        return self._data[self.arms[0]]["tissue"].values

    @cached_property
    def tumour(self) -> np.ndarray:
        """Mask of the mass as a radiologist outlines it."""
        return is_tumour(self.tissue)

    @cached_property
    def body(self) -> np.ndarray:
        """Mask of what is not air."""
        return self.tissue != Tissue.AIR

    @cached_property
    def grey(self) -> np.ndarray:
        """The input image on the grid, 0..1 over the values of the tumour and of most of what is round it."""
        image = self._data[self.arms[0]]["image"].values.astype(float)
        shown = tuple(slice(a, b + 1) for a, b in self.window)
        around, inside = image[shown][self.body[shown]], image[self.tumour]
        if not (around.size and inside.size):
            return np.zeros(self.grid.shape)
        low = min(np.percentile(around, 5.0), np.percentile(inside, 1.0))
        high = max(np.percentile(around, 80.0), np.percentile(inside, 99.0))
        span = (high - low) or 1.0
        return np.clip((image - low + 0.1 * span) / (1.25 * span), 0.0, 1.0)

    @cached_property
    def tip(self) -> np.ndarray:
        """The needle's tip in continuous voxel indices."""
        return self.grid.world_to_index(self.about["injection"]["tip_lps_m"])

    @cached_property
    def at(self) -> tuple[int, int, int]:
        """The voxel in which the tip lies."""
        return tuple(int(np.clip(round(x), 0, n - 1)) for x, n in zip(self.tip, self.grid.shape, strict=True))

    @cached_property
    def reached(self) -> np.ndarray:
        """Mask of the voxels that any arm reached or killed in at any kept time, and of the one with the tip."""
        seen = np.zeros(self.grid.shape, bool)
        seen[self.at] = True
        for arm in self.arms:
            for name in ("concentration", "killed"):
                for number in range(len(self.times(arm))):
                    share = self.share(arm, name, number)
                    seen |= share > REACHED if share is not None else False
        return seen

    @cached_property
    def torn(self) -> np.ndarray:
        """Mask of the voxels in which any arm has an open crack at any kept time."""
        seen = np.zeros(self.grid.shape, bool)
        for arm in self.arms:
            if self._data[arm].sizes.get("pot", 1) > 1:
                seen |= (self._data[arm]["fluid_fraction"].isel(pot=1).values > _TORN).any(axis=0)
        return seen

    @cached_property
    def window(self) -> Window:
        """The voxels that pictures show: tumour, tip, what the agent reached, and what cracked."""
        return self._round(self.tumour | self.reached | self.torn, 2 * _AROUND)

    @cached_property
    def close_up(self) -> Window | None:
        """The voxels round what the agent reached; None where that is not small in the window."""
        box = self._round(self.reached, _LEAST_CLOSE_UP)
        small = all(b - a + 1 < _CLOSE * (d - c + 1) for (a, b), (c, d) in zip(box, self.window, strict=True))
        return box if small else None

    def _round(self, seen: np.ndarray, more: int) -> Window:
        """A cube [mm] round the voxels of a mask, with a margin and `more` voxels, as far as the grid goes."""
        spacing = self.grid.spacing
        spans = [np.flatnonzero(seen.any(axis=tuple(b for b in range(3) if b != a))) for a in range(3)]
        longest = max((s[-1] - s[0] + 1) * d for s, d in zip(spans, spacing, strict=True))
        edge = (1.0 + 2.0 * _ROUND_TUMOUR) * longest + more * max(spacing)
        found = []
        for span, step, count in zip(spans, spacing, self.grid.shape, strict=True):
            wide = int(np.ceil(edge / step))
            first = int(np.floor(0.5 * (span[0] + span[-1] - wide + 1) + 0.5))
            found.append((max(0, first), min(count, first + wide) - 1))
        return tuple(found)

    # -- fields --------------------------------------------------------------------------------------------------

    def times(self, arm: str) -> np.ndarray:
        """Times [s] at which fields were kept."""
        return self._data[arm]["time"].values

    def time_index(self, arm: str, time: float) -> int:
        """Number of the kept time nearest to `time` [s]."""
        return int(np.argmin(np.abs(self.times(arm) - time)))

    def has(self, arm: str, name: str) -> bool:
        """Whether an arm keeps this field."""
        return name in self._data[arm]

    def field(self, arm: str, name: str, number: int) -> np.ndarray | None:
        """A field at a kept time, None where the arm has no such field."""
        if not self.has(arm, name):
            return None
        return self._data[arm][name].isel(time=number).values

    def share(self, arm: str, name: str, number: int) -> np.ndarray | None:
        """A field as a share: "killed" as it is, "concentration" of the injected one; None where there is none.

        Where tissue has cracked, the concentration is that in pores or in cracks, whichever is higher.
        """
        values = self.field(arm, name, number)
        if values is None or name != "concentration":
            return values
        cracks = self.field(arm, "crack_concentration", number)
        values = values if cracks is None else np.maximum(values, cracks)
        injected = self.about["concentrations_mol_m3"][arm]
        return values / injected if injected > 0 else None

    def above_rest(self, arm: str, number: int) -> np.ndarray:
        """Pressure above that of the untouched subject [Pa], 0 outside the body."""
        rise = self.field(arm, "pressure", number).astype(float) - self.field(arm, "pressure", 0)
        return np.where(self.body, rise, 0.0)

    # -- numbers -------------------------------------------------------------------------------------------------

    @property
    def end_of_injection(self) -> float:
        """When the pump stops, or the run where that is earlier [s]."""
        return min(self.about["injection"]["end_s"], self.about["follow_s"])

    def agent_number(self, arm: str, name: str) -> dict | None:
        """A number of the arm's agent such as "molar_mass", as the record keeps it."""
        return next((row for row in self.about["agent_numbers"] if row["key"] == f"{arm}.{name}"), None)

    def tumour_volume_ml(self) -> float:
        """Volume of the tumour on the grid [mL]."""
        return float(self.tumour.sum()) * self.grid.voxel_volume / MM**3 / 1e3


def grid_of(fields) -> VoxelGrid:
    """The computing grid of a record's fields, from their attributes."""
    placed, sizes = fields.attrs, fields.sizes
    return VoxelGrid(
        (sizes["x"], sizes["y"], sizes["z"]),
        tuple(s * MM for s in placed["spacing_mm"]),
        tuple(x * MM for x in placed["origin_lps_mm"]),
        tuple(tuple(row) for row in placed["direction_matrix"]),
    )
