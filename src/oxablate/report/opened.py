"""What the liquid did to the tissue, in slices: swollen pores, cracks, and the gap along the needle."""

from dataclasses import dataclass

import numpy as np
from matplotlib.figure import Figure
from matplotlib.patheffects import withStroke

from ..space.grid import MM
from .canvas import drawn
from .liquid import alike, called, row_at
from .panels import Overlay, View, background, frame, lay_over, marks, round_up, views
from .scene import Scene
from .wording import duration

_VISIBLE = 0.01  # of its scale: below it the image shows
_LEAST = 1e-4  # of a voxel: less than that opened is not worth a column
_PIECES = 400  # of a needle's course, each drawn in front of, in or behind the slice
#: How a line is drawn in the slice, and before or behind it.
_GAP = ({"color": "#ff8c1a", "linewidth": 4.5}, {"color": "#ff8c1a", "linewidth": 4.5, "alpha": 0.45})
_NEEDLE = (
    {"color": "white", "linewidth": 1.3, "path_effects": [withStroke(linewidth=2.6, foreground="black")]},
    {"color": "white", "linewidth": 1.3, "linestyle": (0, (1, 1.6))},
)


_NOTHING = Overlay("", "gray", {}, 0.0, 1.0)


@dataclass(frozen=True)
class Column:
    """A column of panels. label: below it; overlay: what is coloured, None for the image alone; mark: drawn on top."""

    label: str
    overlay: Overlay | None
    mark: object = None


def crack_share(scene: Scene, arm: str, number: int) -> np.ndarray | None:
    """Crack volume per voxel volume [1] at a kept time (nx, ny, nz); None where the record has no cracks."""
    fluid = scene.field(arm, "fluid_fraction", number)
    return fluid[1].astype(float) if fluid is not None and fluid.shape[0] > 1 else None


def swelling(scene: Scene, arm: str, number: int) -> np.ndarray:
    """J - 1 [1] of the intact pores at a kept time (nx, ny, nz): cracks are taken off, outside the body it is 0."""
    ratio, cracks = scene.field(arm, "volume_ratio", number).astype(float), crack_share(scene, arm, number)
    return np.where(scene.body, ratio - 1.0 - (0.0 if cracks is None else cracks), 0.0)


@drawn
def opened(scene: Scene, arms: tuple[str, ...] | None = None, time: float | None = None) -> Figure | None:
    """Swelling of intact pores, crack volume and the needle's gap of one arm in three planes; None without any.

    arms: one arm (default: the first); of several with the same liquid only the first has a figure. time: [s], the
    nearest kept one is shown (default: the end of the injection).
    """
    (arm,) = arms or scene.arms[:1]
    group = next((group for group in alike(scene) if group[0] == arm), None)
    if group is None:
        return None
    number = scene.time_index(arm, scene.end_of_injection if time is None else time)
    columns = [c for c in (_swollen(scene, arm, number), _cracked(scene, arm, number)) if c is not None]
    if courses(scene):
        columns.append(Column(_track_words(scene, arm, number), None, _needle(scene, arm, number)))
    if not any(column.overlay for column in columns):
        return None
    return table_of_panels(scene, columns, f"{called(group)}, {duration(float(scene.times(arm)[number]))}")


def table_of_panels(scene: Scene, columns: list[Column], title: str) -> Figure:
    """Three planes below each other, what is shown side by side, with a colour bar below each column."""
    shown = views(scene)[:3]
    cells = [[(column, view) for column in columns] for view in shown]
    figure, axes = frame(scene, cells, 0.0, below=0.75)
    for row, line in zip(axes, cells, strict=True):
        for ax, (column, view) in zip(row, line, strict=True):
            background(ax, scene, view)
            if column.overlay is not None:
                lay_over(ax, scene, view, column.overlay, "")
            marks(ax, scene, view)
            if column.mark is not None:
                column.mark(ax, view)
        row[0].set_ylabel(line[0][1].title)
    for below, column in zip(axes.T, columns, strict=True):
        bar = figure.colorbar(
            (column.overlay or _NOTHING).mappable(), ax=below, location="bottom", shrink=0.9, aspect=22, pad=0.015
        )
        if column.overlay is None:  # the room of a bar, so that the panels stay in line
            bar.ax.clear()
            bar.ax.axis("off")
            bar.ax.text(0.5, 1.0, column.label, ha="center", va="top", fontsize=7.0).set_in_layout(False)
            continue
        bar.set_label(column.label)
        bar.outline.set_linewidth(0.5)
    axes[0, 0].set_title(title, loc="left")
    return figure


def coloured(label: str, colours: str, values: np.ndarray, least: float) -> Column | None:
    """A column for a field on a scale of its own; None where nothing is above `least`."""
    largest = float(values.max())
    if not largest > least:
        return None
    top = round_up(largest)
    return Column(label, Overlay(label, colours, {"": values}, _VISIBLE * top, top))


def _swollen(scene: Scene, arm: str, number: int) -> Column | None:
    values = 100.0 * swelling(scene, arm, number)
    return coloured("swelling of intact pores,\nJ \u2212 1, %", "viridis", values, 100.0 * _LEAST)


def _cracked(scene: Scene, arm: str, number: int) -> Column | None:
    share = crack_share(scene, arm, number)
    if share is None:
        return None
    return coloured("volume of open cracks,\n% of the voxel", "plasma", 100.0 * share, 100.0 * _LEAST)


# -- the needle -----------------------------------------------------------------------------------------------------


def courses(scene: Scene) -> list[tuple[np.ndarray, np.ndarray]]:
    """Tip and entry of every needle [m, LPS] whose entry the record knows."""
    said = scene.about["injection"]
    needles = said.get("needles") or [said]
    ends = [(needle["tip_lps_m"], needle.get("entry_lps_m")) for needle in needles]
    return [(np.asarray(tip, float), np.asarray(entry, float)) for tip, entry in ends if entry]


def _series_at(scene: Scene, arm: str, column: str, number: int) -> float | None:
    series = scene.series[arm]
    if column not in series:
        return None
    return float(series[column][row_at(scene, arm, float(scene.times(arm)[number]))])


def _track_words(scene: Scene, arm: str, number: int) -> str:
    length, width = (_series_at(scene, arm, c, number) for c in ("track_open_mm", "track_width_max"))
    line = "needle: solid in the slice,\ndotted in front of or behind it"
    if length is None:
        return line
    if not length > 0:
        return f"{line}\nno gap open along it"
    widest = "" if width is None else f",\nat most {width:.2g} of the needle's radius"
    return f"{line}\norange: gap open over {length:.3g} mm{widest}"


def _needle(scene: Scene, arm: str, number: int):
    """A mark that draws the needles, and from the tip on the length of gap that is open, shared among them."""
    found = courses(scene)
    length = (_series_at(scene, arm, "track_open_mm", number) or 0.0) * MM / max(len(found), 1)

    def draw(ax, view: View) -> None:
        for tip, entry in found:
            inserted = float(np.linalg.norm(entry - tip))
            if length > 0.0:
                _line(ax, scene, view, (tip, tip + (entry - tip) * min(1.0, length / inserted)), _GAP)
            _line(ax, scene, view, (tip, entry), _NEEDLE)

    return draw


def _line(ax, scene: Scene, view: View, ends, styles: tuple[dict, dict]) -> None:
    """A straight line in the patient [m, LPS], in one style where it runs in the slice and in another elsewhere."""
    plane, spacing = view.plane, scene.grid.spacing
    along = np.linspace(0.0, 1.0, _PIECES)[:, None]
    index = np.array([scene.grid.world_to_index(tuple(p)) for p in ends[0] + along * (ends[1] - ends[0])])
    places = np.array([plane.position(one, scene.grid.shape) for one in index])
    x, y = places[:, 0] * spacing[plane.right] / MM, places[:, 1] * spacing[plane.up] / MM
    inside = np.abs(index[:, plane.across] - scene.at[plane.across]) <= 0.5 + 1e-9
    for where, style in zip((inside, ~inside), styles, strict=True):
        if where.any():
            lines = (np.where(where, x, np.nan), np.where(where, y, np.nan))
            ax.plot(*lines, scalex=False, scaley=False, solid_capstyle="butt", **style)
