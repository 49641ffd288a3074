"""The slice figures: what the subject is taken to be, where the agent, the pressure and the dead cells are.

Every figure shows slices through the needle's tip. Fields are drawn voxel by voxel, the image below them smoothly.
"""

import numpy as np
from matplotlib.colors import ListedColormap
from matplotlib.figure import Figure
from matplotlib.patches import Patch

from ..anatomy.tissue import Tissue
from ..protocol.outcomes import REACHED
from .canvas import drawn
from .panels import Overlay, View, background, extent, frame, marks, matrix, round_up, views
from .scene import Scene
from .wording import duration, percent, plain_name

#: A field shows from this share of its scale on; below it the image is seen.
_VISIBLE = 0.01

#: Which arms a figure shows; None is all of them. The scale is that of all arms.
Arms = tuple[str, ...] | None

_TISSUE_COLOURS = ("#000000", "#c9c2b8", "#e6550d", "#4a4a4a", "#f7dc6f", "#f0b27a", "#d7bde2", "#2e86c1")


@drawn
def anatomy(scene: Scene) -> Figure:
    """The input image with the tumour's outline, and below it the tissue every voxel is computed as."""
    shown = views(scene)[:3]
    cells = [[("image", view) for view in shown], [("tissue", view) for view in shown]]
    figure, axes = frame(scene, cells, 0.0)
    colours = ListedColormap(_TISSUE_COLOURS)
    for row, line in zip(axes, cells, strict=True):
        for ax, (what, view) in zip(row, line, strict=True):
            background(ax, scene, view)
            if what == "tissue":
                ax.imshow(
                    view.plane.cut(scene.tissue, scene.at), cmap=colours, vmin=-0.5, vmax=len(_TISSUE_COLOURS) - 0.5,
                    origin="lower", interpolation="nearest", extent=extent(scene, view.plane),
                )  # fmt: skip
            else:
                ax.set_title(view.title, loc="left")
            marks(ax, scene, view)
        row[0].set_ylabel("input image" if line[0][0] == "image" else "computed as")
    there = [t for t in Tissue if np.any(scene.tissue == t)]
    figure.legend(
        handles=[Patch(color=_TISSUE_COLOURS[t], label=_called(scene, t)) for t in there], loc="outside lower left",
        ncols=len(there), handlelength=1.0, columnspacing=1.2,
    )  # fmt: skip
    return figure


def _called(scene: Scene, tissue: Tissue) -> str:
    name = plain_name(tissue.word)
    return f"{name} ({scene.about['subject']['host']})" if tissue is Tissue.HOST else name


@drawn
def concentration(
    scene: Scene,
    time: float | None = None,
    arms: Arms = None,
    shown: tuple[View, ...] | None = None,
    full_scale: bool = False,
) -> Figure:
    """Agent in the fluid, as a share of what is injected; coloured where a voxel counts as reached.

    time: [s], the nearest kept one is shown (default: the end of the injection). arms: to show (default all). shown:
    which views (default all).
    full_scale: let the scale end at the injected concentration rather than at the largest value.
    """
    time = scene.end_of_injection if time is None else time
    shares = {arm: scene.share(arm, "concentration", scene.time_index(arm, time)) for arm in scene.arms}
    fields = {arm: None if share is None else 100.0 * share for arm, share in shares.items()}
    notes = {arm: "nothing dissolved" for arm, share in shares.items() if share is None}
    nowhere = [arm for arm, share in shares.items() if share is not None and share.max() <= REACHED]
    notes |= dict.fromkeys(nowhere, f"nowhere above {100 * REACHED:g} %")
    label = "concentration, % of the injected"
    there = [values for values in fields.values() if values is not None]
    top = 100.0 if full_scale else _top(there, 100.0 * REACHED, 100.0)
    overlay = Overlay(label, "viridis", fields, 100.0 * REACHED, top)
    return matrix(scene, overlay, _titles(scene, time, arms or scene.arms, notes), shown)


@drawn
def exposure(scene: Scene, time: float | None = None, arms: Arms = None) -> Figure | None:
    """Time integral of the agent's concentration since the start, None where no arm keeps one."""
    time = scene.about["follow_s"] if time is None else time
    exposed = tuple(arm for arm in scene.arms if scene.has(arm, "exposure"))
    arms = tuple(arm for arm in arms or exposed if arm in exposed)
    if not arms:
        return None
    fields = {arm: scene.field(arm, "exposure", scene.time_index(arm, time)) / 60.0 for arm in exposed}
    top = _top(list(fields.values()), 0.0, None)
    notes = {arm: "nothing" for arm, values in fields.items() if values.max() <= 0}
    overlay = Overlay("exposure to the agent, mmol min/L", "viridis", fields, _VISIBLE * top, top)
    return matrix(scene, overlay, _titles(scene, time, arms, notes))


@drawn
def pressure(scene: Scene, time: float | None = None, arms: Arms = None) -> Figure:
    """Fluid pressure above that of the untouched subject (default: at the end of the injection)."""
    time = scene.end_of_injection if time is None else time
    fields = {arm: scene.above_rest(arm, scene.time_index(arm, time)) / 1e3 for arm in scene.arms}
    top = _top(list(fields.values()), 0.0, None)
    overlay = Overlay("fluid pressure above rest, kPa", "cividis", fields, _VISIBLE * top, top)
    return matrix(scene, overlay, _titles(scene, time, arms or scene.arms))


@drawn
def killed(scene: Scene, time: float | None = None, arms: Arms = None) -> Figure:
    """Share of the cells that are dead (default: at the end of the run); arms that kill nothing are shown too."""
    time = scene.about["follow_s"] if time is None else time
    fields, notes = {}, {}
    for arm in scene.arms:
        share = scene.field(arm, "killed", scene.time_index(arm, time))
        fields[arm] = None if share is None else 100.0 * share
        found = scene.summaries[arm]["outcomes"]["killed_share_of_tumour"]
        notes[arm] = f"{percent(found)} of the tumour"
    shown = [values for values in fields.values() if values is not None]
    overlay = Overlay("killed, % of the cells", "plasma", fields, 100.0 * _VISIBLE, _top(shown, 1.0, 100.0))
    return matrix(scene, overlay, _titles(scene, time, arms or scene.arms, notes))


def _top(fields: list[np.ndarray], least: float, most: float | None) -> float:
    """The end of a scale that all arms share: the largest value, rounded up; `most` where nothing is above `least`."""
    largest = max((float(f.max()) for f in fields), default=0.0)
    if largest <= least:
        return most or 1.0
    return min(round_up(largest), most) if most else round_up(largest)


def _titles(scene: Scene, time: float, arms: tuple[str, ...], notes: dict[str, str] | None = None) -> dict[str, str]:
    """By arm: its name, the time that its fields show, and a note."""
    titles = {}
    for arm in arms:
        shown = duration(float(scene.times(arm)[scene.time_index(arm, time)]))
        note = (notes or {}).get(arm, "")
        titles[arm] = f"{plain_name(arm)}\nat {shown}{f': {note}' if note else ''}"
    return titles
