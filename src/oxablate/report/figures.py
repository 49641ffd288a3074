"""Every figure of a record as a function, and all of them on request as files.

    figures.killed(open_record("demo-run")).savefig("killed.png")

Each takes a `Record` and returns a matplotlib `Figure` that carries the research-only stamp, or None where the run has
nothing to show.
"""

from dataclasses import dataclass
from pathlib import Path

from ..protocol.outcomes import REACHED
from ..quantities.refusal import BadInput, nearest
from .canvas import encoded
from .curves import agent_balance, consumed, fluid_shares, needle_pressure, volumes
from .liquid import liquid
from .opened import opened
from .scene import Scene
from .slices import anatomy, concentration, exposure, killed, pressure
from .tracer import contrast, distribution
from .track import along_needle

__all__ = [
    "GALLERY", "Entry", "agent_balance", "along_needle", "anatomy", "concentration", "consumed", "contrast",
    "distribution", "exposure", "fluid_shares", "killed", "liquid", "needle_pressure", "opened", "pressure",
    "save_figures", "volumes",
]  # fmt: skip

_SLICES = (
    "Slices through the needle's tip (reticle), axial seen from the feet; white line: outline of the tumour; dashed: "
    "where the close-up lies, if there is one. Colours are opaque and voxel by voxel, on one scale for all arms; where "
    "the field is below "
)


@dataclass(frozen=True)
class Entry:
    """A figure of the page. draw: makes it; kind: how it is kept ("png" or "svg"); title and caption: beside it.

    by_arm: whether it has a panel per arm, and takes `arms`; alone: whether it takes one arm at a time.
    """

    draw: object
    kind: str
    title: str
    caption: str
    by_arm: bool = False
    alone: bool = False

    @property
    def name(self) -> str:
        """The name of the function that draws it."""
        return self.draw.__name__


GALLERY = (
    Entry(
        anatomy, "png", "The subject",
        "Above: the input image on the computing grid, with the tumour's outline. Below: what a voxel is computed as. "
        "Slices through the needle's tip (reticle), axial seen from the feet.",
    ),
    Entry(
        concentration, "png", "Where the agent is when the pump stops",
        f"{_SLICES}{100 * REACHED:g} % of the injected concentration, the limit of 'reached', the image shows. Where "
        "tissue has cracked: in its pores or in its cracks, whichever holds more.",
        by_arm=True,
    ),
    Entry(
        exposure, "png", "What the tissue was exposed to",
        f"Concentration times time up to the end of the run. {_SLICES}1 % of the scale the image shows.",
        by_arm=True,
    ),
    Entry(
        pressure, "png", "Pressure above rest when the pump stops",
        f"{_SLICES}1 % of the scale the image shows.",
        by_arm=True,
    ),
    Entry(
        killed, "png", "What was killed",
        f"Share of the cells of each voxel that are dead at the end of the run. {_SLICES}1 % the image shows.",
        by_arm=True,
    ),
    Entry(
        needle_pressure, "svg", "Pressure at the needle, and the vessels",
        "Left: pressure in the needle's cavity, independent of the voxel size. Right: functional vessels in the voxel "
        "where most are pressed shut. Lines of arms that agree lie on each other.",
    ),
    Entry(
        volumes, "svg", "Volumes reached and killed",
        f"Reached: more than {100 * REACHED:g} % of the injected concentration in the fluid, counted in whole voxels. "
        "Killed: the sum over voxels of their share of dead cells.",
    ),
    Entry(
        agent_balance, "svg", "Where the agent went",
        "Everything that was given (dashed) is somewhere: the coloured parts add up to it at every time.",
    ),
    Entry(
        consumed, "svg", "How much of the agent was consumed",
        "Share of what was given so far that reacted with tissue. An inert solute stays at zero.",
    ),
    Entry(
        liquid, "svg", "Where the liquid is",
        "The injected volume by place, stacked: what a place gained stands above zero, what it lost hangs below; the "
        "sum is what was injected (dashed). Beside each band: its share of that when the injection ended and when the "
        "run did. Against an untouched subject.",
    ),
    Entry(
        opened, "png", "What the liquid opened, when the pump stops",
        "Left to right: swelling of intact pores, open cracks, the needle with its gap, drawn from the tip on. "
        "Slices through the needle's tip (reticle), axial seen from the feet; white line: outline of the tumour. Below "
        "1 % of a scale the image shows.",
        alone=True,
    ),
    Entry(
        along_needle, "svg", "The gap along the needle",
        "Left: length of shaft along which the gap is open. Middle: its greatest width over the needle's radius. "
        "Right: pressure where the drive enters.",
    ),
    Entry(
        contrast, "png", "Virtual contrast study, when the pump stops",
        "Left: the tracer that came with the liquid, as a scanner would show it: amount in a voxel over the injected "
        "concentration. Red: where it is 1 % (dotted), 10 % (dashed), 50 % (solid) of that. Middle and right, in the "
        "same contours: the liquid that tissue gained, and the agent in the fluid. What is seen is neither of them.",
        alone=True,
    ),
    Entry(
        distribution, "svg", "Distribution volume of the tracer",
        "Volume of the voxels at or above each level, while the injection lasts; right: over the injected volume, the "
        "first tenth of it left out. 1 % is the level of Bobo et al. 1994 "
        "(doi 10.1073/pnas.91.6.2076). Voxels count with the volume that they had before.",
    ),
    Entry(
        fluid_shares, "svg", "Who got the injected volume",
        "Change of the fluid in each tissue, and of what went to vessels, lymph and far tissue, against an untouched "
        "subject. The bars of an arm add up to the injected volume (dashed).",
    ),
)  # fmt: skip


def save_figures(
    record, folder: str | Path, names: tuple[str, ...] | None = None, kind: str | None = None
) -> list[Path]:
    """Write figures as FOLDER/NAME.KIND, of one arm each as FOLDER/NAME_ARM.KIND; returns their paths.

    record: a `Record`. names: of the functions above (default: all). kind: "png", "svg" or "pdf" (default: png for
    slices, svg for curves). Figures that have nothing to show are left out. Raises BadInput for an unknown name or
    kind.
    """
    from ..storage.whole_file import write_whole

    known = {entry.name: entry for entry in GALLERY}
    for name in names or ():
        if name not in known:
            raise BadInput(f"there is no figure {name!r}; {nearest(name, known)}")
    folder, scene, written = Path(folder), Scene(record), []
    for name in names or known:
        entry = known[name]
        for ending, figure in _drawings(entry, scene):
            path = folder / f"{name}{ending}.{kind or entry.kind}"
            content = encoded(figure, path.suffix[1:])
            folder.mkdir(parents=True, exist_ok=True)
            write_whole(path, content)
            written.append(path)
    return written


def _drawings(entry: Entry, scene: Scene):
    """The figures of an entry with the end of their file's name: one, or one for each arm that has any."""
    if not entry.alone:
        found = [("", entry.draw(scene))]
    else:
        found = [(f"_{arm}", entry.draw(scene, arms=(arm,))) for arm in scene.arms]
    return [(ending, figure) for ending, figure in found if figure is not None]
