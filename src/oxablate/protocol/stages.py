"""The stages that come before a run: draw a phantom, look at a case."""

import math
from dataclasses import dataclass
from pathlib import Path

from ..anatomy.phantom import phantom_geometry, phantom_images
from ..quantities import dimension as dim
from ..quantities.refusal import BadInput, nearest
from ..quantities.unit import read, show
from ..space.files import write_image
from ..space.grid import MM
from .at_rest import require_whole_at_rest
from .case import load_case, naming
from .cut_off import cut_off
from .foresight import delivery_lines, foreseen, model_lines
from .memory import require_bytes, require_grid_memory
from .recipe import read_recipe
from .setting import Setting, prepare
from .yaml_door import read_yaml

_GREY_NOISE = 0.04
_RECIPE_KEYS = ("recipe", "spacing", "seed")
_DRAWING_BYTES = 40  # per voxel: noise in double precision with its copies, the picture, the labels
FORMATS = (".nii.gz", ".nii", ".nrrd")


def phantom(recipe: str | Path, out: str | Path, form: str = ".nii.gz") -> tuple[Path, Path]:
    """Draw a phantom into the folder `out` as an image and a label map; returns their paths.

    recipe: a YAML file with `recipe`, `spacing` and `seed`, or a case file whose subject is a phantom. form: one of
    FORMATS. Raises BadInput for a recipe that cannot be drawn and for files that exist already.
    """
    path, source = Path(out), Path(recipe)
    if form not in FORMATS:
        raise BadInput(f"--form: {form!r} came; {nearest(form, FORMATS)}")
    targets, written = _free_targets(path, form), read_yaml(source)
    with naming(source.name):
        part, seed = _drawn_part(written)
        drawing, spacing = read_recipe(part["recipe"]), (read(part["spacing"], dim.LENGTH, "spacing") / MM,) * 3
        shape = phantom_geometry(drawing, spacing).shape
        require_bytes(shape, _DRAWING_BYTES * math.prod(shape))
        images = phantom_images(drawing, spacing, _GREY_NOISE, seed)
    try:
        path.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise BadInput(f"--out: {path} cannot be written ({error.strerror}); choose another folder") from error
    for target, one in zip(targets, images, strict=True):
        write_image(target, one)
    return targets


def _drawn_part(written: dict) -> tuple[dict, int]:
    """The mapping with recipe and spacing, at the top or inside a case, and the seed of the picture's noise."""
    part: object = written
    if "subject" in written:
        subject = written["subject"]
        part = subject.get("phantom") if isinstance(subject, dict) else None
        if part is None:
            raise BadInput("subject: it is no phantom; give a case or recipe with one")
    else:
        for key in written:
            if key not in _RECIPE_KEYS:
                raise BadInput(f"the key {key!r} is not known here; {nearest(str(key), _RECIPE_KEYS)}")
    for key in ("recipe", "spacing"):
        if not isinstance(part, dict) or key not in part:
            raise BadInput(f"the key {key!r} is missing; add it")
    return part, written.get("seed", 0)


def _free_targets(folder: Path, form: str) -> tuple[Path, Path]:
    """The two files to write, neither of which may exist in any format."""
    for name in ("image", "labels"):
        for there in (folder / f"{name}{ending}" for ending in FORMATS):
            if there.exists():
                raise BadInput(f"--out: {there} exists; name a new folder")
    return folder / f"image{form}", folder / f"labels{form}"


@dataclass(frozen=True)
class Inspection:
    """What can be said of a case before it is run. setting: all of it; needed and available memory [bytes]."""

    setting: Setting
    memory_needed: int
    memory_available: int

    def __str__(self) -> str:
        s = self.setting
        lines = [f"Case: {s.case.title}", str(s.subject), *delivery_lines(s), *model_lines(s)]
        lines += [f"Cut-off {cut_off(s)}"]
        lines += [f"Arm     {_arm(arm)}" for arm in s.arms]
        lines += [f"Numbers {s.parameters.name}: {s.parameters.description}", f"        {_grades(s)}"]
        lines += [f"        set by the user: {key}" for key in s.parameters.overridden()]
        lines += [f"Before the run: {sentence}" for sentence in foreseen(s)]
        needed, available = self.memory_needed / 1e9, self.memory_available / 1e9
        return "\n".join(lines + [f"Memory  {needed:.2f} GB needed, {available:.1f} GB available"])


def inspect(case: str | Path) -> Inspection:
    """Read and check a case with everything it names, without running it. Raises BadInput."""
    path = Path(case)
    checked = load_case(path)
    with naming(path.name):
        setting = prepare(checked, path.parent)
        memory = require_grid_memory(setting.subject.grid.shape, checked)
        require_whole_at_rest(setting)
        return Inspection(setting, *memory)


def _arm(arm) -> str:
    if not arm.agent.dissolved:
        return f"{arm.name}: plain fluid{_beside(arm)}"
    mass = show(arm.concentration * arm.agent.solute.molar_mass.si, dim.MASS_CONCENTRATION)
    return f"{arm.name}: {mass} ({arm.concentration:.3g} mmol/L){_beside(arm)}"


def _beside(arm) -> str:
    """What the tracer adds to an arm."""
    if arm.tracer is None:
        return ""
    agent, concentration = arm.tracer
    mass = show(concentration * agent.solute.molar_mass.si, dim.MASS_CONCENTRATION)
    return f", with {agent.name} at {mass}"


def _grades(setting: Setting) -> str:
    counts: dict[str, int] = {}
    for row in setting.parameters.rows():
        counts[row.grade] = counts.get(row.grade, 0) + 1
    return ", ".join(f"{n} {grade}" for grade, n in sorted(counts.items()))
