"""The gap along the needle over time."""

from matplotlib.figure import Figure

from .canvas import blank, drawn
from .curves import lines, time_axis
from .scene import Scene

_WIDTH = 7.4
_PANELS = (
    ("track_open_mm", 1.0, "gap open along, mm"),
    ("track_width_max", 1.0, "widest, needle radii"),
    ("hub_pressure_Pa", 1e-3, "pressure at the hub, kPa"),
)


@drawn
def along_needle(scene: Scene) -> Figure | None:
    """Length and width of the open gap, and the pressure at the hub, over time; None where no arm has a gap."""
    if not any("track_open_mm" in scene.series[arm] for arm in scene.arms):
        return None
    panels = [p for p in _PANELS if any(p[0] in scene.series[arm] for arm in scene.arms)]
    figure = blank(_WIDTH, 2.4)
    axes = figure.subplots(1, len(panels), squeeze=False, gridspec_kw={"wspace": 0.06}).ravel()
    for ax, (column, factor, label) in zip(axes, panels, strict=True):
        lines(ax, scene, column, factor, from_zero=False)
        ax.set_ylabel(label)
        ax.set_ylim(0.0, 1.08 * max(line.get_ydata().max() for line in ax.get_lines()) or 1.0)
        time_axis(ax, scene)
    if len(scene.arms) > 1:
        handles, labels = axes[0].get_legend_handles_labels()
        figure.legend(handles, labels, loc="outside upper left", ncols=4)
    return figure
