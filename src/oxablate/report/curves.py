"""The figures over time, and who got the injected volume."""

import numpy as np
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from ..quantities import dimension as dim
from .canvas import arm_style, blank, drawn
from .scene import Scene
from .tables import share_rows
from .wording import percent, plain_name, quantity

_WIDTH = 7.4
_TRACE = 1e-7  # of the tumour's volume, below which nothing is drawn
_SEEN = 1e-4  # of the injected volume, below which a place has no bar
_FATES = (
    ("agent_consumed_umol", "consumed by tissue", "#0072b2"),
    ("agent_to_vessels_umol", "carried off by vessels and lymph", "#d55e00"),
    ("agent_held_umol", "still in the tissue", "#8fc79a"),
)


def time_unit(scene: Scene) -> tuple[float, str]:
    """The unit [s] in which a figure counts time, and its name."""
    for unit, name in ((86400.0, "d"), (3600.0, "h"), (60.0, "min")):
        if scene.about["follow_s"] >= 3.0 * unit:
            return unit, name
    return 1.0, "s"


def time_axis(ax, scene: Scene, label: bool = True) -> float:
    """Label the time axis, shade the injection; returns the unit [s]."""
    unit, name = time_unit(scene)
    injection = scene.about["injection"]
    ax.axvspan(
        injection["start_s"] / unit, min(injection["end_s"], scene.about["follow_s"]) / unit, color="#f1f4f7", zorder=0
    )
    ax.set_xlim(0.0, scene.about["follow_s"] / unit)
    ax.xaxis.set_major_locator(MaxNLocator(6, steps=[1, 2, 3, 5, 6, 10]))
    if label:
        ax.set_xlabel(f"time, {name} (injection shaded)")
    return unit


def lines(ax, scene: Scene, column: str, factor: float, from_zero: bool = True) -> bool:
    """One line per arm that has this column; returns whether there was any."""
    unit, _ = time_unit(scene)
    found = False
    for number, arm in enumerate(scene.arms):
        series = scene.series[arm]
        if column not in series:
            continue
        time, values = series["time_s"] / unit, factor * series[column]
        if from_zero:
            time, values = np.concatenate(([0.0], time)), np.concatenate(([0.0], values))
        ax.plot(time, values, label=plain_name(arm), **arm_style(number))
        found = True
    return found


@drawn
def needle_pressure(scene: Scene) -> Figure | None:
    """Pressure in the needle's cavity over time, and how far the vessels stay open; None before the first step."""
    if not any(scene.series.values()):
        return None
    figure = blank(_WIDTH, 2.6)
    left, right = figure.subplots(1, 2, gridspec_kw={"wspace": 0.06})
    lines(left, scene, "needle_pressure_Pa", 1e-3, from_zero=False)
    left.set_ylabel("needle pressure, kPa")
    left.set_ylim(bottom=0.0)
    left.legend(loc="best")
    lines(right, scene, "vessel_fraction_min", 100.0, from_zero=False)
    right.set_ylabel("vessels open where fewest are, %")
    right.set_ylim(0.0, 105.0)
    for ax in (left, right):
        time_axis(ax, scene)
    return figure


@drawn
def volumes(scene: Scene) -> Figure | None:
    """Volume that the agent reaches and volume of killed cells over time, in the tumour and in all tissue, or None."""
    if not any(scene.series.values()):
        return None
    figure = blank(_WIDTH, 4.6)
    axes = figure.subplots(2, 2, sharex=True, gridspec_kw={"wspace": 0.06, "hspace": 0.06})
    panels = (
        ("reached_tumour_mL", "reached in the tumour"), ("reached_mL", "reached in all tissue"),
        ("killed_tumour_mL", "killed in the tumour"), ("killed_outside_mL", "killed outside the tumour"),
    )  # fmt: skip
    for ax, (column, label) in zip(axes.ravel(), panels, strict=True):
        _volume_panel(ax, scene, column, label)
        time_axis(ax, scene, label=ax in axes[1])
    handles = {line.get_label(): line for ax in axes.ravel() for line in ax.get_lines()}
    figure.legend(handles.values(), handles, loc="outside upper left", ncols=4)
    return figure


def _volume_panel(ax, scene: Scene, column: str, label: str) -> None:
    """Lines of one volume in the unit that suits it; what is less than a trace of the tumour is said, not drawn."""
    largest = max((float(scene.series[a][column].max()) for a in scene.arms if column in scene.series[a]), default=0.0)
    factor, unit = next(((f, u) for f, u in ((1.0, "mL"), (1e3, "\u00b5L")) if largest * f >= 0.1), (1e6, "nL"))
    if largest > _TRACE * scene.tumour_volume_ml():
        lines(ax, scene, column, factor)
        ax.set_ylabel(f"{label}, {unit}")
        ax.set_ylim(bottom=0.0)
        return
    said = "nothing, at any time" if largest == 0.0 else "next to nothing, at any time"
    ax.text(0.5, 0.5, said, transform=ax.transAxes, ha="center", color="#55606b")
    ax.set_ylabel(label)
    ax.set_yticks([0.0])
    ax.set_ylim(0.0, 1.0)


@drawn
def agent_balance(scene: Scene) -> Figure | None:
    """Where the agent given so far is, stacked, for each arm with something dissolved; None where there is none."""
    arms = [arm for arm in scene.arms if scene.series[arm].get("agent_given_umol", np.zeros(1)).max() > 0]
    if not arms:
        return None
    columns = min(3, len(arms))
    rows = -(-len(arms) // columns)
    figure = blank(_WIDTH, 0.35 + 2.5 * rows)
    axes = figure.subplots(rows, columns, squeeze=False, gridspec_kw={"wspace": 0.06, "hspace": 0.08}).ravel()
    for ax, arm in zip(axes, arms, strict=False):
        _stack(ax, scene, arm)
    for ax in axes[len(arms) :]:
        ax.set_visible(False)
    handles, labels = axes[0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside upper left", ncols=len(labels), columnspacing=1.4)
    return figure


def _stack(ax, scene: Scene, arm: str) -> None:
    series, unit = scene.series[arm], time_unit(scene)[0]
    time = np.concatenate(([0.0], series["time_s"] / unit))
    parts = [np.concatenate(([0.0], np.maximum(series[column], 0.0))) for column, _, _ in _FATES]
    given = np.concatenate(([0.0], series["agent_given_umol"]))
    parts.append(np.maximum(given - sum(parts), 0.0))  # decayed, left the grid, or came out at the surface
    scale, name = (1e3, "nmol") if given[-1] < 1.0 else (1e-3, "mmol") if given[-1] >= 1e3 else (1.0, "\u00b5mol")
    labels = [label for _, label, _ in _FATES] + ["decayed, left the grid or came out"]
    colours = [colour for _, _, colour in _FATES] + ["#b0b6bc"]
    ax.stackplot(time, *(scale * p for p in parts), labels=labels, colors=colours, linewidth=0.0)
    ax.plot(time, scale * given, color="black", linewidth=1.0, linestyle=(0, (4, 2)), label="given")
    ax.set_title(plain_name(arm), loc="left")
    ax.set_ylabel(f"agent, {name}")
    ax.set_ylim(bottom=0.0)
    time_axis(ax, scene)


@drawn
def consumed(scene: Scene) -> Figure | None:
    """Share of the agent given so far that tissue has consumed, over time; None where nothing is dissolved."""
    arms = [arm for arm in scene.arms if "agent_given_umol" in scene.series[arm]]
    if not arms:
        return None
    figure = blank(_WIDTH, 2.4)
    ax = figure.subplots()
    unit = time_unit(scene)[0]
    for number, arm in enumerate(scene.arms):
        if arm in arms:
            series = scene.series[arm]
            given = np.where(series["agent_given_umol"] > 0, series["agent_given_umol"], np.nan)
            share = 100.0 * series["agent_consumed_umol"] / given
            ax.plot(series["time_s"] / unit, share, label=plain_name(arm), **arm_style(number))
    ax.set_ylabel("consumed, % of the agent given")
    ax.set_ylim(-2.0, 102.0)
    ax.legend(loc="center right")
    time_axis(ax, scene)
    return figure


@drawn
def fluid_shares(scene: Scene) -> Figure | None:
    """Who got the injected volume: bars by place that add up to what was given, for every arm; None before any is."""
    places, rows = share_rows(scene)
    total = max(scene.summaries[arm]["outcomes"]["injected_m3"] for arm in scene.arms)
    if not total > 0.0:
        return None
    places = [p for p in places if max(abs(rows[a].get(p, 0.0)) for a in scene.arms) >= _SEEN * total]
    factor, name = next(((f, u) for f, u in ((1e6, "mL"), (1e9, "\u00b5L")) if total * f >= 1.0), (1e12, "nL"))
    figure = blank(_WIDTH, 0.75 + min(0.8, 0.16 * (len(scene.arms) + 0.8)) * max(1, len(places)))
    ax = figure.subplots()
    thick = 0.84 / len(scene.arms)
    for number, arm in enumerate(scene.arms):
        at = np.arange(len(places)) + (number - 0.5 * (len(scene.arms) - 1)) * thick
        values = factor * np.array([rows[arm].get(place, 0.0) for place in places])
        bars = ax.barh(at, values, 0.86 * thick, color=arm_style(number)["color"], label=plain_name(arm))
        ax.bar_label(bars, [percent(v / (factor * total)) for v in values], padding=3, fontsize=6.0)
    ax.axvline(0.0, color="#55606b", linewidth=0.8)
    ax.axvline(factor * total, color="black", linewidth=1.0, linestyle=(0, (4, 2)), zorder=0)
    ax.set_yticks(range(len(places)), [plain_name(place) for place in places])
    ax.invert_yaxis()
    ax.margins(x=0.12)
    ax.grid(axis="y", visible=False)
    ax.set_xlabel(f"change against an untouched subject, {name} (dashed: injected {quantity(total, dim.VOLUME)})")
    figure.legend(loc="outside upper left", ncols=6)
    return figure
