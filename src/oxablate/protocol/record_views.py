"""How a case and a record show themselves: a few lines of text, a small table in a notebook, a tree for xarray."""

from html import escape
from typing import Any

from ..quantities import dimension as dim
from ..quantities.research_only import RESEARCH_ONLY
from ..quantities.unit import show

#: Longest text that is shown of anything a person wrote.
_LONGEST = 300

_ENDED = {
    "complete": "complete",
    "stopped": "stopped before its end",
    "failed": "failed; what was kept until then is here",
    "running": "not ended, or broken off",
}

Rows = list[tuple[str, str]]


def case_rows(case) -> Rows:
    """What a `Case` asks for, as pairs of texts."""
    return [
        ("title", case.title),
        ("question", case.question),
        ("subject", _subject(case.subject)),
        ("numbers", ", ".join([case.parameters.set, *(f"{k} = {v}" for k, v in case.parameters.override.items())])),
        ("needle", _needle(case.needle)),
        ("pump" if case.injection.hand is None else "hand", _given(case.injection)),
        *(("arm", f"{arm.agent}{f', {arm.concentration}' if arm.concentration else ''}") for arm in case.arms),
        ("followed for", f"{show(case.follow, dim.TIME)}, fields every {show(case.output.every, dim.TIME)}"),
        ("model", ", ".join(f"{name}: {choice}" for name, choice in case.model)),
        ("seed", str(case.seed)),
    ]


def _needle(needle) -> str:
    """Where the needles are and what they are."""
    if needle.sites is not None:
        place = f"{needle.sites.count} tips spread over the tumour"
    elif needle.tip == "centroid":
        place = "tip at centroid"
    else:
        place = f"tip at ({', '.join(show(x, dim.POSITION) for x in needle.tip)}) {needle.frame}"
    more = f" and {len(needle.others)} more" if needle.others else ""
    tube = "" if needle.gauge is None else f", {needle.gauge} gauge, {show(needle.length, dim.LENGTH)} long"
    holes = "" if needle.side_holes is None else f", {len(needle.side_holes.radii)} side holes"
    return f"{place}{more}, cavity radius {show(needle.cavity_radius, dim.LENGTH)}{tube}{holes}"


def _given(injection) -> str:
    """What is given, how fast, from when on."""
    shared = f", {injection.needles.replace('_', ' ')}" if injection.needles else ""
    start = f"from {show(injection.start, dim.TIME)} on{shared}"
    if injection.phases:
        volume = sum(phase.give or 0.0 for phase in injection.phases)
        return f"{show(volume, dim.VOLUME)} in {len(injection.phases)} phases {start}"
    given = f"{100 * (injection.fraction_of_tumour or 0.0):.3g} % of the tumour's volume"
    if injection.volume is not None:
        given = show(injection.volume, dim.VOLUME)
    if injection.hand is None:
        return f"{given} at {show(injection.flow_rate, dim.FLOW_RATE)} {start}"
    free, stall = show(injection.hand.free_rate, dim.FLOW_RATE), show(injection.hand.stall_pressure, dim.PRESSURE)
    return f"{given}, {free} without load, stalling at {stall}, {start}"


def _subject(subject) -> str:
    if subject.scan is None:
        recipe = subject.phantom.recipe
        host = recipe["surroundings"].get("host") if isinstance(recipe.get("surroundings"), dict) else None
        return f"phantom{f' in {host}' if host else ''}, voxels of {show(subject.phantom.spacing, dim.LENGTH)}"
    scan = subject.scan
    lesion = ", SYNTHETIC LESION" if scan.synthetic_lesion else ""
    return f"scan {scan.image} with {scan.labels} in {scan.host}{lesion}, voxels of {show(scan.spacing, dim.LENGTH)}"


def record_rows(record) -> Rows:
    """What a `Record` holds, as pairs of texts; an arm that cannot be read says so in its place."""
    about = record.about
    return [
        ("title", about["title"]),
        ("question", about["question"]),
        ("folder", str(record.folder)),
        ("run", _ENDED.get(about["status"], about["status"])),
        ("subject", about["subject"].get("statement", "")),
        (
            "numbers",
            ", ".join([str(about["parameter_set"]), *(f"{key} set by the user" for key in about["overridden"])]),
        ),
        *((f"arm {arm}", _arm(record, arm)) for arm in record.arms),
    ]


def _arm(record, arm: str) -> str:
    """Where an arm stands, and what it left for a reader to distrust."""
    try:
        summary = record.summary(arm)
    except ValueError as refused:  # nothing yet, or damaged: either way the sentence says it
        return str(refused)
    raised = [flag["quantity"] for flag in summary["flags"]]
    doubt = f"; to distrust: {', '.join(raised)}" if raised else ""
    return (
        f"{_ENDED.get(summary['status'], summary['status'])}, followed for {show(summary['time_s'], dim.TIME)}{doubt}"
    )


def as_text(what: str, rows: Rows) -> str:
    """A heading and rows as lines; what is not printable is shown as a question mark."""
    width = max(len(name) for name, _ in rows)
    lines = [f"  {name:<{width}}  {_shown(value)}" for name, value in rows]
    return "\n".join([what, *lines, f"  {RESEARCH_ONLY}"])


def as_html(what: str, rows: Rows) -> str:
    """A heading and rows as an HTML table without style or script; everything in it is escaped."""
    left = 'style="text-align:left"'
    cells = "".join(
        f"<tr><th {left}>{escape(name)}</th><td {left}>{escape(_shown(value))}</td></tr>" for name, value in rows
    )
    return f"<div><strong>{escape(what)}</strong><table>{cells}</table><p><em>{escape(RESEARCH_ONLY)}</em></p></div>"


def _shown(value: Any) -> str:
    text = "".join(c if c.isprintable() else "?" for c in " ".join(str(value).split()))
    return text if len(text) <= _LONGEST else f"{text[:_LONGEST]}..."


class CaseViews:
    """How a case prints itself: `print(case)`, and as a table in a notebook."""

    def __str__(self) -> str:
        return as_text("Case", case_rows(self))

    def __repr__(self) -> str:
        return str(self)

    def _repr_html_(self) -> str:
        return as_html("Case", case_rows(self))


class RecordViews:
    """How a record prints itself, and how xarray sees all of it."""

    def __str__(self) -> str:
        return as_text("Record", record_rows(self))

    def __repr__(self) -> str:
        return str(self)

    def _repr_html_(self) -> str:
        return as_html("Record", record_rows(self))

    def to_xarray(self):
        """Every arm's fields as an xarray DataTree, lazily loaded: `tree["chlorine_dioxide"].killed`.

        The root holds what the arms share: coordinates x, y, z [mm along the grid's axes from voxel 0], and attributes
        (`affine_lps_mm`, 4 x 4: voxel index to LPS position [mm]). Each arm is a child with its fields over time [s],
        with units and long names; an arm of which nothing is committed yet is left out. Raises BadInput as `fields`
        does where nothing at all is committed or a file is damaged.
        """
        begun = [arm for arm in self.arms if self.commits(arm)] or self.arms[:1]
        return tree_of(self.about, {arm: self.fields(arm) for arm in begun})


def tree_of(about: dict, arms: dict[str, Any]):
    """An xarray DataTree of the arms' Datasets below a root with what they share. about: content of record.json."""
    import numpy as np
    import xarray

    first = next(iter(arms.values()))
    affine = np.eye(4)
    affine[:3, :3] = np.asarray(first.attrs["direction_matrix"]) * np.asarray(first.attrs["spacing_mm"])
    affine[:3, 3] = first.attrs["origin_lps_mm"]
    attributes = {key: about[key] for key in ("title", "question", "status", "seed", "parameter_set")}
    attributes |= {"affine_lps_mm": affine.tolist(), "research_only": RESEARCH_ONLY}
    root = xarray.Dataset(coords={axis: first[axis] for axis in "xyz"}, attrs=attributes)
    return xarray.DataTree.from_dict({"/": root, **{f"/{arm}": fields for arm, fields in arms.items()}})
