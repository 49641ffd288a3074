"""Panels of slices: the input image in grey, the tumour's outline, and a field in colour where it is worth a look."""

from dataclasses import dataclass

import matplotlib
import numpy as np
from matplotlib.cm import ScalarMappable
from matplotlib.colors import Normalize
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle
from matplotlib.path import Path as MarkerPath
from matplotlib.patheffects import withStroke

from ..space.grid import MM
from .canvas import blank
from .planes import Plane
from .scene import Scene, Window

WIDTH = 7.4  # inches of a full figure
_WIDEST_PANEL = 2.35
_BAR = 0.95  # inches for the colour bar with its label
_HIGHEST = 8.3  # inches of all panels above each other: they fit a page
#: Four strokes round a gap, so that the voxel of the tip stays visible.
_RETICLE = MarkerPath(
    [(-1, 0), (-0.5, 0), (0.5, 0), (1, 0), (0, -1), (0, -0.5), (0, 0.5), (0, 1)],
    [MarkerPath.MOVETO, MarkerPath.LINETO] * 4,
)
_HALO = [withStroke(linewidth=2.0, foreground="black")]
_LENGTHS = (0.5, 1, 2, 5, 10, 20, 50, 100, 200)  # scale bars [mm]


@dataclass(frozen=True)
class Overlay:
    """A field to lay over the image, in display units.

    label: of the colour bar, with unit. colours: name of a perceptually uniform colour map. fields: by arm, each
    (nx, ny, nz), None where the arm has none. floor: below it the grey image shows. top: end of the scale.
    """

    label: str
    colours: str
    fields: dict[str, np.ndarray | None]
    floor: float
    top: float

    def mappable(self) -> ScalarMappable:
        """Colours of values from 0 to `top`; beyond it the last colour."""
        return ScalarMappable(Normalize(0.0, self.top), matplotlib.colormaps[self.colours])


def round_up(value: float) -> float:
    """The next of 1, 1.5, 2, 3, 4, 5, 6, 8, 10 times a power of ten that is not below a positive value."""
    power = 10.0 ** np.floor(np.log10(value))
    return float(next(step for step in (1, 1.5, 2, 3, 4, 5, 6, 8, 10) if step * power >= value * (1 - 1e-9)) * power)


@dataclass(frozen=True)
class View:
    """What a panel shows. plane: how it cuts; window: first and last voxel along each grid axis; title: beside it.

    magnified: how much larger than in the other panels a millimetre is.
    """

    plane: Plane
    window: Window
    title: str
    magnified: float = 1.0


def views(scene: Scene) -> tuple[View, ...]:
    """The three planes, and an axial close-up where what was reached is small beside the tumour."""
    found = tuple(View(plane, scene.window, plane.title) for plane in scene.planes)
    near = close_up(scene)
    return (*found, near) if near else found


def close_up(scene: Scene) -> View | None:
    """The axial plane near the needle's tip; None where the whole window shows what was reached well enough."""
    if scene.close_up is None:
        return None
    axis = scene.planes[0].right
    edges = [window[axis][1] - window[axis][0] + 1 for window in (scene.window, scene.close_up)]
    return View(scene.planes[0], scene.close_up, "axial, close-up", edges[0] / edges[1])


def matrix(scene: Scene, overlay: Overlay, titles: dict[str, str], shown: tuple[View, ...] | None = None) -> Figure:
    """Slices through the needle's tip: a column per arm, a row per view; one arm alone has its views side by side."""
    shown, arms = shown or views(scene), tuple(titles)
    cells = [[(arm, view) for arm in arms] for view in shown]
    if len(arms) == 1 and len(shown) > 1:
        wide = 2 if len(shown) == 4 else len(shown)
        cells = [[(arms[0], view) for view in shown[n : n + wide]] for n in range(0, len(shown), wide)]
    figure, axes = frame(scene, cells, _BAR)
    for row, line in enumerate(cells):
        for column, (arm, view) in enumerate(line):
            ax = axes[row, column]
            background(ax, scene, view)
            lay_over(ax, scene, view, overlay, arm)
            marks(ax, scene, view)
            if row == 0 and (column == 0 or len(arms) > 1):
                ax.set_title(titles[arm], loc="left")
            if column == 0 or len(arms) == 1:
                ax.set_ylabel(view.title)
    bar = figure.colorbar(overlay.mappable(), ax=axes, shrink=min(1.0, 0.55 + 0.2 / len(cells)), aspect=24, pad=0.015)
    bar.set_label(overlay.label)
    bar.outline.set_linewidth(0.5)
    return figure


def frame(scene: Scene, cells, bar: float, below: float = 0.0) -> tuple[Figure, np.ndarray]:
    """A figure with one axes a cell, in the proportions of what they show; `bar`: inches kept for a colour bar beside
    them, `below`: for bars below them.

    cells: rows of (anything, `View`).
    """
    sizes = [[_size(scene, view) for _, view in line] for line in cells]
    widths = [max(line[c][0] for line in sizes) for c in range(len(cells[0]))]
    heights = [max(size[1] for size in line) for line in sizes]
    scale = min((WIDTH - bar - 0.25) / sum(widths), _WIDEST_PANEL / max(widths), _HIGHEST / sum(heights))
    total = min(WIDTH, scale * sum(widths) + bar + 0.25 * len(widths))
    figure = blank(max(total, 4.2), scale * sum(heights) + 0.55 + 0.06 * len(heights) + below)
    axes = figure.subplots(
        len(cells), len(cells[0]), squeeze=False, width_ratios=widths, height_ratios=heights,
        gridspec_kw={"wspace": 0.03, "hspace": 0.03},
    )  # fmt: skip
    return figure, axes


def _size(scene: Scene, view: View) -> tuple[float, float]:
    """Width and height of a panel, in millimetres of panels that are not magnified."""
    spans = [(b - a + 1) * d / MM for (a, b), d in zip(view.window, scene.grid.spacing, strict=True)]
    return view.magnified * spans[view.plane.right], view.magnified * spans[view.plane.up]


def extent(scene: Scene, plane: Plane) -> tuple[float, float, float, float]:
    """Edges [mm] of the whole slice in the picture."""
    dx, dy = (scene.grid.spacing[a] / MM for a in (plane.right, plane.up))
    nx, ny = (scene.grid.shape[a] for a in (plane.right, plane.up))
    return -0.5 * dx, (nx - 0.5) * dx, -0.5 * dy, (ny - 0.5) * dy


def background(ax, scene: Scene, view: View) -> None:
    """The grey image in a panel, and the panel's limits."""
    plane = view.plane
    ax.imshow(
        plane.cut(scene.grey, scene.at), cmap="gray", vmin=0.0, vmax=1.0, origin="lower", interpolation="bilinear",
        extent=extent(scene, plane),
    )  # fmt: skip
    left, right, bottom, top = _limits(scene, plane, view.window)
    ax.set_xlim(left, right)
    ax.set_ylim(bottom, top)
    ax.set_xticks([])
    ax.set_yticks([])
    ax.grid(False)
    for side in ax.spines.values():
        side.set_visible(False)
    ax.set_facecolor("black")


def _limits(scene: Scene, plane: Plane, window: Window) -> tuple[float, float, float, float]:
    """Edges [mm] of the window in the picture."""
    ends = [plane.position([w[n] for w in window], scene.grid.shape) for n in (0, 1)]
    dx, dy = (scene.grid.spacing[a] / MM for a in (plane.right, plane.up))
    (left, right), (bottom, top) = (sorted(e[n] for e in ends) for n in (0, 1))
    return (left - 0.5) * dx, (right + 0.5) * dx, (bottom - 0.5) * dy, (top + 0.5) * dy


def lay_over(ax, scene: Scene, view: View, overlay: Overlay, arm: str) -> None:
    """An arm's field in colour, voxel by voxel, where it is above the floor."""
    plane, values = view.plane, overlay.fields.get(arm)
    if values is not None:
        shown = plane.cut(np.ma.masked_less(np.asarray(values, float), max(overlay.floor, 1e-300)), scene.at)
        ax.imshow(
            shown, cmap=overlay.colours, vmin=0.0, vmax=overlay.top, origin="lower", interpolation="nearest",
            extent=extent(scene, plane),
        )  # fmt: skip


def outline(ax, scene: Scene, plane: Plane) -> None:
    """The tumour's contour, not filled."""
    mask = plane.cut(scene.tumour, scene.at).astype(float)
    if mask.any():
        dx, dy = (scene.grid.spacing[a] / MM for a in (plane.right, plane.up))
        at = (np.arange(mask.shape[1]) * dx, np.arange(mask.shape[0]) * dy)
        padded = np.pad(mask, 1)  # closes the line where the tumour touches the edge of the grid
        at = tuple(np.concatenate(([x[0] - d], x, [x[-1] + d])) for x, d in zip(at, (dx, dy), strict=True))
        ax.contour(*at, padded, levels=[0.5], colors=["black"], linewidths=[2.0])
        ax.contour(*at, padded, levels=[0.5], colors=["white"], linewidths=[1.0])


def marks(ax, scene: Scene, view: View) -> None:
    """Outline, needle tip, orientation letters, scale bar, and where the close-up lies."""
    plane = view.plane
    outline(ax, scene, plane)
    dx, dy = (scene.grid.spacing[a] / MM for a in (plane.right, plane.up))
    x, y = plane.position(scene.tip, scene.grid.shape)
    ax.plot(x * dx, y * dy, marker=_RETICLE, color="white", markersize=12, markeredgewidth=1.2, path_effects=_HALO)
    places = ((0.02, 0.5, "left", "center"), (0.98, 0.5, "right", "center"))
    places += ((0.5, 0.015, "center", "bottom"), (0.5, 0.985, "center", "top"))
    for letter, (right, up, across, along) in zip(plane.letters, places, strict=True):
        ax.text(
            right, up, letter, transform=ax.transAxes, ha=across, va=along, color="#ffd75e", fontsize=7.0,
            fontweight="bold", path_effects=_HALO,
        )  # fmt: skip
    near = close_up(scene)
    if near is not None and near.plane is plane and view.window is scene.window:
        left, right, bottom, top = _limits(scene, plane, near.window)
        ax.add_patch(
            Rectangle(
                (left, bottom), right - left, top - bottom, fill=False, color="#ffd75e", linewidth=0.7, ls=(0, (3, 2))
            )
        )
    _scale_bar(ax)


def _scale_bar(ax) -> None:
    left, right = ax.get_xlim()
    bottom, top = ax.get_ylim()
    length = max((n for n in _LENGTHS if n <= 0.36 * (right - left)), default=_LENGTHS[0])
    end, height = right - 0.05 * (right - left), bottom + 0.055 * (top - bottom)
    ax.plot([end - length, end], [height, height], color="white", linewidth=2.0, solid_capstyle="butt",
            path_effects=[withStroke(linewidth=3.4, foreground="black")])  # fmt: skip
    ax.text(
        end - 0.5 * length, height + 0.015 * (top - bottom), f"{length:g} mm", ha="center", va="bottom", fontsize=6.5,
        color="white", path_effects=_HALO,
    )  # fmt: skip
