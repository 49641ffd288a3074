"""Where did the liquid go: by place and time, in one picture, one table, and words."""

import numpy as np
from matplotlib.figure import Figure
from matplotlib.patheffects import withStroke

from ..protocol.whereabouts import PLACES
from ..quantities import dimension as dim
from .canvas import blank, drawn
from .curves import time_axis, time_unit
from .scene import Scene
from .wording import duration, listed, percent, plain_name, quantity, volume

_WIDTH, _ROW = 7.4, 2.55
_SHOWN = 2e-3  # of the injected volume, below which a place is not drawn
_TOLD = 1e-2  # of the injected volume, below which a place is not told in words
_APART = 0.105  # of the panel's height between two labels
_SAME = 1e-6  # of the injected volume, within which two arms have the same liquid
#: Told apart by hue and by lightness, so that colour-blind eyes and grey prints tell them apart too; cracks are warm,
#: pores are cool, the tumour is dark.
_COLOURS = {
    "cracks_tumour": "#d95f0e", "pores_tumour": "#08519c", "cracks_outside": "#fec44f", "pores_outside": "#6baed6",
    "track": "#252525", "vessels": "#756bb1", "lymph": "#cbc9e2", "far_tissue": "#8d959c", "surface": "#00796b",
}  # fmt: skip


def columns(scene: Scene, arm: str) -> dict[str, np.ndarray] | None:
    """Volumes [mL] by place over the rows of the series, keys of `PLACES`; None for a record without them."""
    series = scene.series[arm]
    found = {place: series[f"liquid_{place}_mL"] for place in PLACES if f"liquid_{place}_mL" in series}
    return found or None


def row_at(scene: Scene, arm: str, time: float) -> int:
    """Number of the last row of the series at or before a time [s], the first where there is none."""
    return max(0, int(np.searchsorted(scene.series[arm]["time_s"], time * (1.0 + 1e-9), side="right")) - 1)


def alike(scene: Scene) -> list[tuple[str, ...]]:
    """Arms that keep these columns, those with the same liquid at every time together: an agent does not change it."""
    groups: list[list[str]] = []
    for arm in scene.arms:
        if columns(scene, arm) is None:
            continue
        for group in groups:
            if _same(scene, group[0], arm):
                group.append(arm)
                break
        else:
            groups.append([arm])
    return [tuple(group) for group in groups]


def _same(scene: Scene, one: str, other: str) -> bool:
    first, second = columns(scene, one), columns(scene, other)
    largest = float(scene.series[one]["injected_mL"].max())
    return all(
        first[place].shape == second[place].shape and np.all(np.abs(first[place] - second[place]) <= _SAME * largest)
        for place in first
    )


def called(group: tuple[str, ...]) -> str:
    """The arms of a group in words."""
    names = listed([plain_name(arm) for arm in group])
    return names if len(group) == 1 else f"{names} (the same liquid)"


@drawn
def liquid(scene: Scene, arms: tuple[str, ...] | None = None) -> Figure | None:
    """The injected volume by place over time, stacked; a row per arm that differs; None where no record keeps it."""
    groups = [group for group in alike(scene) if arms is None or group[0] in arms]
    if not groups:
        return None
    both = scene.about["follow_s"] > 1.2 * scene.end_of_injection
    figure = blank(_WIDTH, 0.3 + _ROW * len(groups))
    axes = figure.subplots(
        len(groups), 2 if both else 1, squeeze=False, sharey="row", gridspec_kw={"wspace": 0.02, "hspace": 0.08}
    )
    for line, group in zip(axes, groups, strict=True):
        _stacked(line, scene, group[0])
        line[0].set_title(called(group), loc="left")
    return figure


def _stacked(axes, scene: Scene, arm: str) -> None:
    """Both stacks of one arm: during the injection, and from its end on; labels at the right edge."""
    found, series, unit = columns(scene, arm), scene.series[arm], time_unit(scene)[0]
    time = np.concatenate(([0.0], series["time_s"])) / unit
    given = np.concatenate(([0.0], series["injected_mL"]))
    scale, name = (1.0, "mL") if given.max() >= 0.1 else (1e3, "\u00b5L")
    parts = {p: scale * np.concatenate(([0.0], v)) for p, v in found.items()}
    parts = {p: v for p, v in parts.items() if np.abs(v).max() > _SHOWN * scale * given.max()}
    for number, ax in enumerate(axes):
        _areas(ax, time, parts)
        ax.plot(time, scale * given, color="black", linewidth=1.1, linestyle=(0, (4, 2)))
        ax.axhline(0.0, color="#55606b", linewidth=0.7)
        time_axis(ax, scene)
        if len(axes) == 2:
            start, end = scene.about["injection"]["start_s"] / unit, scene.end_of_injection / unit
            ax.set_xlim((start, end) if number == 0 else (end, scene.about["follow_s"] / unit))
            what = ("during the injection", "after it")[number]
            ax.set_xlabel(f"time, {time_unit(scene)[1]}: {what}")
    axes[0].set_ylabel(f"injected liquid, {name}")
    axes[0].text(
        0.02, 0.95, "dashed: injected", transform=axes[0].transAxes, va="top", fontsize=7.0,
        path_effects=[withStroke(linewidth=2.0, foreground="white")],
    )  # fmt: skip
    _labels(axes[-1], scene, arm, parts)


def _areas(ax, time, parts: dict) -> None:
    """What a place gained stands on what is below it; what a place lost hangs below zero."""
    for sign in (1.0, -1.0):
        base = np.zeros(len(time))
        for place, values in parts.items():
            top = base + sign * np.maximum(sign * values, 0.0)
            ax.fill_between(time, base, top, color=_COLOURS[place], edgecolor="white", linewidth=0.5)
            base = top


def _labels(ax, scene: Scene, arm: str, parts: dict) -> None:
    """The name of every band beside its right end, with its share of what was injected."""
    low, high = ax.get_ylim()
    above, below, wanted = 0.0, 0.0, []
    for place, values in parts.items():
        last = float(values[-1])
        base = above if last >= 0 else below
        wanted.append((base + 0.5 * last, place))
        above, below = above + max(last, 0.0), below + min(last, 0.0)
    wanted.sort()
    spots = spread([(y - low) / (high - low) for y, _ in wanted], _APART)
    for (y, place), spot in zip(wanted, spots, strict=True):
        line = {"arrowstyle": "-", "color": _COLOURS[place], "linewidth": 1.4, "shrinkA": 0, "shrinkB": 0}
        ax.annotate(
            "\u25a0", (1.0, (y - low) / (high - low)), (1.07, spot), xycoords="axes fraction", va="center", ha="left",
            textcoords="axes fraction", fontsize=11.0, color=_COLOURS[place], annotation_clip=False,
            arrowprops=line | {"relpos": (0.0, 0.5)},
        )  # fmt: skip
        ax.text(
            1.15, spot, f"{PLACES[place]} {_from_to(scene, arm, place)}", transform=ax.transAxes, va="center",
            fontsize=7.0,
        )  # fmt: skip


def spread(places: list[float], apart: float) -> list[float]:
    """Places of labels, ascending, at least `apart` from each other and as near to where they belong as that allows."""
    found = list(places)
    for _ in range(200):
        moved = False
        for n in range(len(found) - 1):
            short = apart - (found[n + 1] - found[n])
            if short > 1e-6:
                found[n], found[n + 1] = found[n] - 0.5 * short, found[n + 1] + 0.5 * short
                moved = True
        if not moved:
            break
    return found


def shares(scene: Scene, arm: str, time: float) -> dict[str, float]:
    """Volume by place [m3] in the row of the series at a time [s]."""
    row = row_at(scene, arm, time)
    return {place: 1e-6 * float(values[row]) for place, values in columns(scene, arm).items()}


def given_at(scene: Scene, arm: str, time: float) -> float:
    """Volume that had been injected [m3] at a time [s]."""
    return 1e-6 * float(scene.series[arm]["injected_mL"][row_at(scene, arm, time)])


def _from_to(scene: Scene, arm: str, place: str) -> str:
    """A place's share at the end of the injection and of the run."""
    ends = (scene.end_of_injection, scene.about["follow_s"])
    found = [100.0 * shares(scene, arm, t)[place] / (given_at(scene, arm, t) or 1.0) for t in ends]
    texts = [f"{v:.0f}" if abs(v) >= 0.95 or abs(v) < 0.05 else f"{v:.1f}" for v in found]
    texts = ["0" if text == "-0" else text.replace("-", "\u2212") for text in texts]
    return f"{texts[0]} %" if ends[0] == ends[1] else f"{texts[0]} \u2192 {texts[1]} %"


def liquid_table(scene: Scene) -> dict | None:
    """Volumes and shares by place at the end of the injection and of the run; None where no record keeps them."""
    groups = alike(scene)
    if not groups:
        return None
    ends = {scene.end_of_injection: "injection ends", scene.about["follow_s"]: "run ends"}
    head, body = ["place"], [[words] for words in PLACES.values()]
    foot = [["sum of the above"], ["injected"]]
    for group in groups:
        for time, what in ends.items():
            found, given = shares(scene, group[0], time), given_at(scene, group[0], time)
            head.append(f"{called(group)}: {what}, {duration(_time(scene, group[0], time))}")
            for line, place in zip(body, PLACES, strict=True):
                line.append(_told(found.get(place, 0.0), given))
            foot[0].append(quantity(sum(found.values()), dim.VOLUME, 6))
            foot[1].append(quantity(given, dim.VOLUME, 6))
    return {"head": head, "rows": [*body, *foot], "foot": 2}


def _time(scene: Scene, arm: str, time: float) -> float:
    return float(scene.series[arm]["time_s"][row_at(scene, arm, time)])


def _told(amount: float, given: float) -> str:
    if not given or abs(amount) < 1e-9 * given:
        return "0"
    return f"{quantity(amount, dim.VOLUME)} ({percent(amount / given)})"


def liquid_words(scene: Scene) -> list[str]:
    """A sentence for each arm that differs: where the liquid was when the pump stopped, the largest share first."""
    sentences = []
    for group in alike(scene):
        found = shares(scene, group[0], scene.end_of_injection)
        given = given_at(scene, group[0], scene.end_of_injection)
        if not given > 0.0:
            continue
        order = sorted((p for p in found if found[p] > _TOLD * given), key=lambda p: -found[p])
        places = listed([f"{percent(found[p] / given)} in {PLACES[p]}" for p in order])
        places = places.replace("in out at the surface", "out at the surface").replace("in beyond", "beyond")
        sentences.append(f"{called(group)}: when the injection ended, {places}, of {volume(given)} injected.")
    return sentences
