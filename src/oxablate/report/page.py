"""One self-contained page from a record: what was asked, what came out, what to distrust, and on what it rests."""

import hashlib
from pathlib import Path

from ..protocol.record import Record, open_record, read_sealed
from ..protocol.setting import SYNTHETIC_LESION
from ..quantities import dimension as dim
from ..quantities.research_only import RESEARCH_ONLY, RESEARCH_ONLY_SHORT
from ..space.grid import MM
from ..storage.whole_file import write_whole
from . import answers, citation, liquid, tables, tracer, wording
from .canvas import data_uri, encoded
from .figures import GALLERY, Entry
from .movie import spread_movie
from .scene import Scene

#: Size of figures on the screen: the widest fill the column.
_PIXELS_PER_INCH = 130

#: Arms in one slice figure; more arms make more figures.
SIDE_BY_SIDE = 4

_STATUS = {
    "complete": "",
    "stopped": "This run was stopped before its end; what follows is what it had by then.",
    "failed": "This run failed; what follows is what was kept until then.",
    "running": "This run had not ended when the page was made; what follows is what it had by then.",
}


def report(folder: str | Path) -> Path:
    """Write DIR/report.html from the record in `folder`; see `oxablate.report.report`."""
    record = open_record(folder)
    path = record.folder / "report.html"
    write_whole(path, render(record).encode())
    return path


def render(record: Record) -> str:
    """The page as text: HTML with its style and all pictures inside."""
    from jinja2 import Environment, PackageLoader, StrictUndefined

    loader = PackageLoader("oxablate.report")
    environment = Environment(
        loader=loader, autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    return environment.get_template("report.html.j2").render(content(record))


def content(record: Record) -> dict:
    """Everything the template prints, as texts and rows."""
    scene, about = Scene(record), record.about
    return {
        "about": about,
        "research_only": RESEARCH_ONLY,
        "stamp": RESEARCH_ONLY_SHORT,
        "status": _STATUS.get(about.get("status", ""), f"Status of the run: {about.get('status')}."),
        "failure": about.get("failure", ""),
        "missing": [wording.plain_name(arm) for arm in record.arms if arm not in scene.arms],
        "flags": tables.flag_lines(scene),
        "answers": [answers.answer(scene, arm) for arm in scene.arms],
        "answer_table": answers.answer_table(scene),
        "firmness": answers.firmness(scene),
        "setup": setup_rows(scene),
        "figures": pictures(scene),
        "movie": _movie(scene),
        "liquid": liquid.liquid_table(scene),
        "liquid_words": liquid.liquid_words(scene),
        "tracer": tracer.tracer_table(scene),
        "tracer_named": tracer.named(scene),
        "not_modelled": _left_out(scene),
        "synthetic": SYNTHETIC_LESION if SYNTHETIC_LESION in about["subject"]["statement"] else "",
        "shares": tables.share_table(scene),
        "ledger": tables.ledger_table(scene),
        "ledger_limit": tables.ledger_limit(),
        "numbers": tables.number_table(scene),
        "sections": tables.parameter_sections(scene),
        "agents": tables.agent_table(scene),
        "references": citation.cite(record),
        "own_sources": citation.uncited_sources(record),
        "methods": [citation.methods()[key] for key in citation.methods_used(record)],
        "checksums": checksums(scene),
        "provenance": provenance(record),
    }


def pictures(scene: Scene) -> dict[str, list[dict]]:
    """The figures by name, each as one or, where there are many arms, several pictures with title and caption."""
    found = {}
    for entry in GALLERY:
        drawn = []
        for arms in _groups(entry, scene):
            figure = entry.draw(scene) if arms is None else entry.draw(scene, arms=arms)
            if figure is not None:
                drawn.append(_picture(_titled(entry, arms, bool(drawn)), entry, figure))
        if drawn:
            found[entry.name] = drawn
    return found


def _groups(entry: Entry, scene: Scene) -> list[tuple[str, ...] | None]:
    """The arms of each figure of an entry; None for a figure of all."""
    if not (entry.by_arm or entry.alone):
        return [None]
    size = 1 if entry.alone else SIDE_BY_SIDE
    return [scene.arms[n : n + size] for n in range(0, len(scene.arms), size)]


def _titled(entry: Entry, arms: tuple[str, ...] | None, further: bool) -> str:
    if entry.alone:
        return f"{entry.title}: {wording.plain_name(arms[0])}"
    return f"{entry.title}, further arms" if further else entry.title


def _picture(title: str, entry: Entry, figure) -> dict:
    return {
        "title": title,
        "caption": entry.caption,
        "address": data_uri(encoded(figure, entry.kind), entry.kind),
        "width": round(_PIXELS_PER_INCH * figure.get_figwidth()),
    }


def _movie(scene: Scene) -> str | None:
    frames = spread_movie(scene)
    return None if frames is None else data_uri(frames, "png")


def setup_rows(scene: Scene) -> list[tuple[str, list[str]]]:
    """What was set up: pairs of a heading and its lines."""
    about, subject, numbers = scene.about, scene.about["subject"], scene.about["parameter_set"]
    name, volume = wording.plain_name, wording.volume
    volumes = [f"{name(tissue)}: {volume(size)}" for tissue, size in subject["volumes_m3"].items()]
    arms = [
        f"{name(arm)}: {answers.concentration(scene, arm)}{tracer.beside(scene, arm)}. {about['agents'][arm]}."
        for arm in scene.arms
    ]
    return [
        ("Subject", [subject["statement"], *subject["notes"]]),
        ("Host organ", [name(subject["host"])]),
        ("Volumes on the grid", [f"tumour: {volume(1e-6 * scene.tumour_volume_ml())}", *volumes]),
        ("Grid", [f"{subject['grid']}, {subject['voxels']:,} in all"]),
        *_device_rows(about),
        ("Arms", arms),
        ("Model", _model(about["model"])),
        ("Numbers", [f"set '{numbers['name']}': {numbers['description']}", *_overrides(about)]),
        ("Random seed", [str(about["seed"])]),
    ]


def _device_rows(about: dict) -> list[tuple[str, list[str]]]:
    """Needles and what drives the liquid."""
    injection, duration = about["injection"], wording.duration
    rate = wording.quantity(injection["flow_rate_m3_s"], dim.FLOW_RATE)
    given = f"{wording.volume(injection['volume_m3'])} at {rate}"
    span = f"from {duration(injection['start_s'])} to {duration(injection['end_s'])}"
    needles = [_needle_words(needle, injection) for needle in injection.get("needles") or [injection]]
    return [
        ("Needle" if len(needles) == 1 else "Needles", needles),
        ("Pump", [f"{given}, {span}; followed for {duration(about['follow_s'])}"]),
    ]


def _needle_words(needle: dict, injection: dict) -> str:
    """Where a needle opens and what it is."""
    openings = needle.get("openings_lps_m") or [needle["tip_lps_m"]]
    where = "; ".join(f"({', '.join(f'{x / MM:.1f}' for x in point)})" for point in openings)
    what = "end hole" if len(openings) == 1 else f"{len(openings)} side holes"
    words = f"{what} at {where} mm LPS (left, back and up are positive)"
    if len(openings) == 1:
        words += f", cavity radius {wording.quantity(injection['cavity_radius_m'], dim.LENGTH)}"
    if needle.get("outer_radius_m"):
        words += f", outer radius {wording.quantity(needle['outer_radius_m'], dim.LENGTH)}"
    if needle.get("entry_lps_m"):
        words += f", entering at ({', '.join(f'{x / MM:.1f}' for x in needle['entry_lps_m'])}) mm"
    return words


_MODEL_WORDS = {
    "opening": "open under pressure and stiffen as they do",
    "linear": "open in proportion to pressure at a fixed conductivity; to show the error of that",
    "rigid": "rigid",
    "tissue": "tissue at its own pressure",
    "sealed": "nothing, the grid is sealed",
    "thiol_loss": "by the loss of the fast pool (thiols), a hypothesis",
    "exposure": "by concentration and time, a hypothesis",
    "cubic": "open above a fracture pressure and conduct with the cube of their opening",
    "non_local": "torn tissue re-opens more easily, and so does what is within a crack's length",
    "gap": "liquid can run back along the needle where it lifts the tissue off",
    "tight": "the tissue holds on to the needle whatever the pressure",
}
_MODEL_NAMES = {
    "pores": "pores", "beyond": "beyond the grid", "injury": "death of cells", "cracks": "cracks",
    "crack_memory": "memory of cracks", "track": "along the needle",
}  # fmt: skip
#: What leaving a part out says, by part.
_WITHOUT = {
    "injury": "none: this run kills nothing by its own statement",
    "cracks": "none: tissue bears any pressure",
    "crack_memory": "none: cracks heal at once",
    "track": "not followed",
}


def _model(model: dict) -> list[str]:
    """What was chosen of the physics: pores, cracks, what lies beyond the grid, law of death."""
    said = {key: _WITHOUT.get(key, "none") if word in ("none", None) else word for key, word in model.items()}
    if model.get("cracks") in ("none", None):
        said.pop("crack_memory", None)
    return [f"{_MODEL_NAMES.get(key, key)}: {_MODEL_WORDS.get(word, word)}" for key, word in said.items()]


def _left_out(scene: Scene) -> list[str]:
    """What this run leaves out of an injection."""
    model = scene.about["model"]
    without = ["cracks"] if model.get("cracks") in ("none", None) else []
    without += ["backflow along the needle"] if model.get("track") != "gap" else []
    return [*without, "a vessel tree", "lack of oxygen", "products in the body", "healing and regrowth"]


def _overrides(about: dict) -> list[str]:
    rows = {row["key"]: row for row in about["parameters"]}
    texts = {key: wording.with_unit(rows[key]["value"], rows[key]["unit"]) for key in about["overridden"]}
    return [f"set by the user: {wording.plain_name(key)} = {text}" for key, text in texts.items()]


def checksums(scene: Scene) -> list[tuple[str, str]]:
    """What to compare when two people want to know whether they hold the same run."""
    folder, about = scene.record.folder, scene.about
    rows = [("case, subject and numbers", about["key"]), ("subject", about["subject"]["fingerprint"])]
    files = [Path("record.json")]
    files += [Path("arms") / arm / name for arm in scene.arms for name in ("summary.json", "series.csv")]
    kept = [f for f in files if (folder / f).is_file()]  # an arm that was stopped at once has no series
    return rows + [(f.as_posix(), hashlib.sha256((folder / f).read_bytes()).hexdigest()) for f in kept]


def provenance(record: Record) -> list[tuple[str, str]]:
    """Dates, machine and library versions, which differ between equal runs; empty where they were not kept."""
    path = record.folder / "provenance.json"
    if not path.is_file():
        return []
    kept = read_sealed(path)
    rows = [(word, str(kept[word])) for word in ("started", "python", "platform") if word in kept]
    libraries = ", ".join(f"{name} {version}" for name, version in sorted(kept.get("libraries", {}).items()))
    return [*rows, ("libraries", libraries)] if libraries else rows
