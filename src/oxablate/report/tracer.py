"""The virtual contrast study: what an experimenter sees of a tracer, against where the liquid and the agent are."""

import numpy as np
from matplotlib.figure import Figure
from matplotlib.patheffects import withStroke

from ..protocol.contrast import LEVELS
from ..protocol.outcomes import REACHED
from ..quantities import dimension as dim
from .canvas import arm_style, blank, drawn
from .liquid import called, row_at
from .opened import Column, coloured, table_of_panels
from .panels import Overlay, View
from .scene import Scene
from .wording import duration, percent, plain_name, quantity, volume

_WIDTH = 7.4
_FIRST = 0.1  # of the injected volume: before it, V_d / V_i tells of a few voxels
_DASHES = {0.01: ":", 0.10: "--", 0.50: "-"}
_SEEN = {
    "tracer_seen_tumour": "seen in the tumour",
    "tracer_seen_outside": "seen outside the tumour",
    "tracer_in_track": "in the needle track",
    "tracer_unseen": "there, but too thin to be seen",
    "tracer_lost": "left: to vessels, out at the surface, beyond the grid",
}


def beside(scene: Scene, arm: str) -> str:
    """Words on the tracer in an arm's liquid, to follow its concentration; empty without one."""
    found = scene.about.get("tracers", {}).get(arm)  # records of earlier versions do not name it
    if not found:
        return ""
    return f", with {plain_name(found['agent'])} at {quantity(found['concentration_mol_m3'], dim.AMOUNT_CONCENTRATION)}"


def named(scene: Scene) -> str:
    """The tracer that came with the liquid, in words; without its name where the record does not say it."""
    names = sorted({one["agent"] for one in scene.about.get("tracers", {}).values()})
    return (
        f"A tracer that reacts with nothing ({plain_name(names[0])})" if names else "A tracer that reacts with nothing"
    )


def with_tracer(scene: Scene) -> tuple[str, ...]:
    """The arms whose record keeps a tracer over time; of those with the same columns only the first."""
    found: list[str] = []
    for arm in scene.arms:
        series = scene.series[arm]
        if _column(LEVELS[0]) in series and not any(_same(scene, arm, other) for other in found):
            found.append(arm)
    return tuple(found)


def _same(scene: Scene, one: str, other: str) -> bool:
    names = [_column(level) for level in LEVELS]
    first, second = scene.series[one], scene.series[other]
    return all(np.array_equal(first[n], second[n]) for n in names)


def _column(level: float) -> str:
    return f"tracer_reached_{100 * level:g}_mL"


def _alike(scene: Scene, arm: str) -> tuple[str, ...]:
    return tuple(a for a in scene.arms if _column(LEVELS[0]) in scene.series[a] and _same(scene, arm, a))


@drawn
def contrast(scene: Scene, arms: tuple[str, ...] | None = None, time: float | None = None) -> Figure | None:
    """Tracer, liquid and agent of one arm side by side in three planes, contours where the tracer is seen; or None.

    arms: one arm (default: the first). time: [s], the nearest kept one is shown (default: the end of the injection).
    """
    (arm,) = arms or scene.arms[:1]
    if arm not in compared(scene):
        return None
    number = scene.time_index(arm, scene.end_of_injection if time is None else time)
    seen = scene.field(arm, "tracer", number).astype(float)
    line = _contours(scene, seen)
    top = 100.0
    tracer = Overlay("tracer seen, % of the injected", "viridis", {"": 100.0 * seen}, 100.0 * LEVELS[0], top)
    columns = [Column(tracer.label, tracer, line)]
    liquid = _liquid(scene, arm, number)
    if liquid is not None:
        columns.append(Column(liquid.label, liquid.overlay, line))
    share = scene.share(arm, "concentration", number)
    if share is not None:
        label = "agent in the fluid, % of the injected"
        label += "" if share.max() > REACHED else f"\n(nowhere above {100 * REACHED:g} %)"
        agent = Overlay(label, "viridis", {"": 100.0 * share}, 100.0 * REACHED, 100.0)
        columns.append(Column(agent.label, agent, line))
    at = duration(float(scene.times(arm)[number]))
    return table_of_panels(scene, columns, f"{plain_name(arm)}, {at}")


def compared(scene: Scene) -> tuple[str, ...]:
    """Arms with a tracer's field: those with an agent to compare it with, or the first where there is none."""
    there = [arm for arm in scene.arms if scene.has(arm, "tracer")]
    return tuple(arm for arm in there if scene.share(arm, "concentration", 0) is not None) or tuple(there[:1])


def _liquid(scene: Scene, arm: str, number: int) -> Column | None:
    """Fluid above that before the injection, in pores and cracks together."""
    now, before = (scene.field(arm, "fluid_fraction", n).astype(float).sum(0) for n in (number, 0))
    return coloured("liquid gained, % of the voxel", "cividis", 100.0 * np.where(scene.body, now - before, 0.0), 1e-2)


def _contours(scene: Scene, seen: np.ndarray):
    """A mark that draws the contours of the tracer at its levels."""

    def draw(ax, view: View) -> None:
        plane = view.plane
        cut = plane.cut(seen, scene.at)
        dx, dy = (1e3 * scene.grid.spacing[a] for a in (plane.right, plane.up))
        levels = [level for level in LEVELS if cut.min() < level < cut.max()]
        if levels:
            lines = ax.contour(
                np.arange(cut.shape[1]) * dx, np.arange(cut.shape[0]) * dy, cut, levels=levels, colors="#ff5a5f",
                linewidths=1.3, linestyles=[_DASHES[level] for level in levels],
            )  # fmt: skip
            lines.set_path_effects([withStroke(linewidth=2.2, foreground="black")])

    return draw


@drawn
def distribution(scene: Scene) -> Figure | None:
    """Distribution volume of the tracer against the injected volume, and their ratio; None without a tracer."""
    arms = [arm for arm in with_tracer(scene) if scene.series[arm]["injected_mL"].max() > 0]
    if not arms:
        return None
    largest = max(float(scene.series[arm]["injected_mL"].max()) for arm in arms)
    factor, unit = (1.0, "mL") if largest >= 0.1 else (1e3, "\u00b5L")
    figure = blank(_WIDTH, 2.9)
    left, right = figure.subplots(1, 2, gridspec_kw={"wspace": 0.08})
    for number, arm in enumerate(arms):
        rows = scene.series[arm]["time_s"] <= scene.end_of_injection * (1 + 1e-9)
        given = scene.series[arm]["injected_mL"][rows]
        ratio = np.where(given >= _FIRST * largest, given, np.nan)
        for level in LEVELS:
            reached = scene.series[arm][_column(level)][rows]
            style = {"color": arm_style(number)["color"], "linestyle": _DASHES[level]}
            words = f"{100 * level:g} % of the injected" if number == 0 else None
            left.plot(factor * given, factor * reached, label=words, **style)
            named = plain_name(arm) if level == LEVELS[-1] and len(arms) > 1 else None
            right.plot(factor * given, reached / ratio, label=named, **style)
    left.plot([0, factor * largest], [0, factor * largest], color="#55606b", linewidth=0.8)
    right.axhline(1.0, color="#55606b", linewidth=0.8)
    left.set_ylabel(f"distribution volume $V_d$, {unit}")
    right.set_ylabel("$V_d / V_i$")
    left.legend(loc="upper left")
    if len(arms) > 1:
        right.legend(loc="best")
    for ax in (left, right):
        ax.set_xlabel(f"injected volume $V_i$, {unit} (grey: $V_d = V_i$)")
        ax.set_xlim(0.0, factor * largest)
        ax.set_ylim(bottom=0.0)
    return figure


def tracer_table(scene: Scene) -> dict | None:
    """Volumes within each level, their ratio to the injected volume, and what is seen; None without a tracer."""
    arms = with_tracer(scene)
    if not arms:
        return None
    ends = {scene.end_of_injection: "injection ends", scene.about["follow_s"]: "run ends"}
    head, lines = [""], [[f"volume at or above {100 * level:g} % of the injected, over V_i"] for level in LEVELS]
    shares = [[words] for words in _SEEN.values()]
    for arm in arms:
        for time, what in ends.items():
            row, series = row_at(scene, arm, time), scene.series[arm]
            given = float(series["injected_mL"][row])
            head.append(f"{called(_alike(scene, arm))}: {what}")
            for line, level in zip(lines, LEVELS, strict=True):
                reached = float(series[_column(level)][row])
                line.append(f"{volume(1e-6 * reached)} ({reached / given:.3g})" if given > 0 else "\u2013")
            for line, column in zip(shares, _SEEN, strict=True):
                line.append(percent(float(series[column][row])) if column in series else "\u2013")
    return {"head": head, "rows": [*lines, *shares]}
