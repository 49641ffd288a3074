"""Run a case: every arm from the first second to the last, into a record that can be resumed."""

import hashlib
import json
import sys
from collections.abc import Callable
from contextlib import suppress
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from importlib import metadata
from pathlib import Path

import numpy as np

from ..quantities.research_only import RESEARCH_ONLY
from ..storage.commits import Stamp
from ..storage.host import machine
from ..storage.json_file import SEAL, read_sealed, write_sealed
from ..storage.whole_file import make_folders, write_whole
from .arm_book import ArmBook
from .at_rest import require_whole_at_rest
from .case import Case, load_case, naming
from .coupling import ArmRun
from .folder import failing_disk, written_folder
from .injury import dose_law
from .outcomes import kept_fields, picture, series_row, statics, summary
from .record import SCHEMA, Record, open_record
from .setting import ArmSetting, Setting, entry_point, prepare
from .yaml_door import read_text

Progress = Callable[[str, float, float], None]


@dataclass
class Asked:
    """How a running case is watched and stopped.

    progress: called with (arm, simulated seconds, seconds to follow). stop: answers whether to stop after this step.
    """

    progress: Progress = lambda arm, time, end: None
    stop: Callable[[], bool] = lambda: False


def run(case: str | Path | Case, out: str | Path, resume: bool = False, asked: Asked | None = None) -> Record:
    """Run a case file (or a checked `Case`, whose paths are relative to the working folder) into the folder `out`.

    resume: go on from what is committed in `out`; where nothing is, begin. Returns the record; its status is "complete"
    or "stopped". Raises BadInput before anything is written, RunFailed when the computation or the disk cannot go on
    (what was committed stays). Killed at any moment, a resumed run ends with the bytes of an uninterrupted one.
    """
    out, asked = Path(out), asked or Asked()
    folder, text, source = Path.cwd(), None, "the case"
    if not isinstance(case, Case):
        folder, text, source = Path(case).parent, read_text(Path(case)), Path(case).name
        case = load_case(case)
    with naming(source):
        setting = prepare(case, folder)
        image = picture(setting)
        require_whole_at_rest(setting)
    for arm in setting.arms:
        dose_law(setting, arm)  # refuses impossible numbers before anything is written
    key = case_key(setting, image)
    content = (text or json.dumps(case.model_dump(mode="json"), indent=1)).encode()
    with written_folder(out, resume, key) as before:
        _write(setting, image, key, out, content, before, asked)
    return open_record(out)


def _write(setting: Setting, image: np.ndarray, key: str, out: Path, text: bytes, before: dict | None, asked: Asked):
    """Run every arm into the folder that is held; its record.json always says how far things are."""
    case_file = out / "case.yaml"
    there = case_file.read_bytes() if before and case_file.exists() else None
    if there is not None and Stamp.of(there).sha256 == before["files"].get("case.yaml"):
        text = there  # equal but for comments, and vouched for: left as it is
    about = _about(setting, key) | {"files": {"case.yaml": Stamp.of(text).sha256}}
    try:
        with failing_disk(out):
            write_sealed(out / "record.json", about | {"status": "running"})
            if text != there:
                write_whole(case_file, text)
            write_sealed(out / "provenance.json", _provenance())
            done = all(_run_arm(setting, arm, image, out / "arms" / arm.name, key, asked) for arm in setting.arms)
            about["files"] |= _summaries(out, setting)
            write_sealed(out / "record.json", about | {"status": "complete" if done else "stopped"})
    except Exception as failure:  # whatever stops a run, its record says so
        with suppress(OSError):  # unless the disk is what failed
            write_sealed(out / "record.json", about | {"status": "failed", "failure": str(failure)})
        raise


def _summaries(out: Path, setting: Setting) -> dict[str, str]:
    """Checksums of the outcomes of the arms that have any; each names the last commit of its arm."""
    paths = [out / "arms" / arm.name / "summary.json" for arm in setting.arms]
    return {path.relative_to(out).as_posix(): read_sealed(path)[SEAL] for path in paths if path.exists()}


def case_key(setting: Setting, image: np.ndarray) -> str:
    """Checksum of everything a record depends on: case, agents, subject, its image, numbers, version."""
    agents = {arm.name: [f"{k} {q.si!r}" for k, q in arm.agent.quantities().items()] for arm in setting.arms}
    tracers = {arm.name: _tracer_numbers(arm) for arm in setting.arms}
    parts = [
        setting.case.model_dump_json(),
        json.dumps([agents, [arm.concentration for arm in setting.arms], tracers], sort_keys=True),
        setting.subject.fingerprint(),
        hashlib.sha256(np.ascontiguousarray(image)).hexdigest(),
        json.dumps([asdict(row) for row in setting.parameters.rows()], sort_keys=True),
        metadata.version("oxablate"),
    ]
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()


def _tracer_numbers(arm: ArmSetting) -> list:
    """All numbers of an arm's tracer; none without one."""
    if arm.tracer is None:
        return []
    agent, concentration = arm.tracer
    return [agent.name, concentration, [f"{k} {q.si!r}" for k, q in agent.quantities().items()]]


def event_times(setting: Setting) -> list[float]:
    """Times [s] a run lands on: outputs, whatever starts, stops or moves at the needles, the end."""
    case, changes = setting.case, setting.delivery.events()
    count = int(case.follow / case.output.every * (1 + 1e-12))
    times = {case.output.every * n for n in range(1, count + 1)} | {case.follow}
    times |= {t for t in changes if 0 < t < case.follow}
    merged: list[float] = []
    for t in sorted(times):
        # an output that falls on a pump's end to round-off is one event, not two with a step of 1e-13 s between
        if merged and t - merged[-1] <= 1e-9 * case.follow:
            merged[-1] = t if t in (*changes, case.follow) else merged[-1]
        else:
            merged.append(t)
    return merged


def _run_arm(setting: Setting, arm: ArmSetting, image: np.ndarray, folder: Path, key: str, asked: Asked) -> bool:
    """Run or resume one arm; returns False when it was asked to stop."""
    make_folders(folder)
    book = ArmBook(folder, key)
    if book.ended():
        return True
    model = ArmRun(setting, arm)
    _begin(model, image, book)
    changes = set(setting.delivery.events())
    for until in (t for t in event_times(setting) if t > model.state.clock.time):
        while model.state.clock.time < until:
            if asked.stop():
                book.stop(model.state, model.ledger)
                book.summarise(summary(model, book.rows) | {"status": "stopped"})
                return False
            duration = model.step(until)
            book.rows.append(series_row(model, duration))
            asked.progress(arm.name, model.state.clock.time, setting.case.follow)
        if until in changes:
            model.state.clock.next_step = 0.0
        book.keep(until, kept_fields(model), model.state, model.ledger)
    book.summarise(summary(model, book.rows) | {"status": "complete"})
    return True


def _begin(model: ArmRun, image: np.ndarray, book: ArmBook) -> None:
    """Take up what is committed, or start fresh."""
    found = book.take_up()
    if found is not None:
        model.adopt(*found)
    elif book.kept == 0:
        attributes = {"arm": model.arm.name, "title": model.setting.case.title}
        times = [0.0, *event_times(model.setting)]
        book.begin(model.setting.subject.grid, attributes, times, statics(model, image), kept_fields(model))


def _about(setting: Setting, key: str) -> dict:
    """What record.json says about a run, but for its status: plain data, no date, no host."""
    case = setting.case
    tracers = {arm.name: arm.tracer for arm in setting.arms if arm.tracer is not None}
    dissolved = {arm.name: arm.agent for arm in setting.arms} | {agent.name: agent for agent, _ in tracers.values()}
    quantities = {f"{name}.{n}": q for name, agent in dissolved.items() for n, q in agent.quantities().items()}
    return {
        "schema": SCHEMA,
        "oxablate": metadata.version("oxablate"),
        "key": key,
        "title": case.title,
        "question": case.question,
        "research_only": RESEARCH_ONLY,
        "arms": [arm.name for arm in setting.arms],
        "concentrations_mol_m3": {arm.name: arm.concentration for arm in setting.arms},
        "agents": {arm.name: arm.agent.description for arm in setting.arms},
        "tracers": {
            arm: {"agent": agent.name, "concentration_mol_m3": injected} for arm, (agent, injected) in tracers.items()
        },
        "subject": _about_subject(setting.subject),
        "injection": {
            "tip_lps_m": list(setting.tip),
            "entry_lps_m": list(entry_point(setting.case) or ()),
            "cavity_radius_m": case.needle.cavity_radius,
            "needles": setting.delivery.about(),
            "volume_m3": setting.pump.volume,
            "flow_rate_m3_s": setting.pump.flow_rate,
            "start_s": setting.pump.start,
            "end_s": setting.pump.end,
        },
        "follow_s": case.follow,
        "model": case.model.model_dump(),
        "seed": case.seed,
        "parameter_set": {"name": setting.parameters.name, "description": setting.parameters.description},
        "parameters": [asdict(row) for row in setting.parameters.rows()],
        "agent_numbers": [
            {"key": k, "value": q.value, "unit": q.unit, "grade": q.grade.value, "source": q.source, "row": q.row}
            for k, q in quantities.items()
        ],
        "overridden": list(setting.parameters.overridden()),
    }


def _about_subject(subject) -> dict:
    return {
        "statement": subject.origin.statement,
        "notes": list(subject.origin.notes),
        "host": subject.host,
        "volumes_m3": subject.volumes(),
        "grid": str(subject.grid),
        "voxels": subject.grid.size,
        "fingerprint": subject.fingerprint(),
        "source": _source_geometry(subject.origin.source) | {"dicom": _dicom(subject.origin.reference)},
    }


def _dicom(reference) -> dict | None:
    """The identifiers of the DICOM objects that hold the input, so that derived ones can refer to them."""
    if reference is None:
        return None
    return {key: list(value) if isinstance(value, tuple) else value for key, value in asdict(reference).items()}


def _source_geometry(geometry) -> dict:
    return {
        "shape": list(geometry.shape),
        "spacing_mm": list(geometry.spacing),
        "origin_lps_mm": list(geometry.origin),
        "direction_matrix": [list(row) for row in geometry.direction],
    }


def _provenance() -> dict:
    libraries = ("numpy", "scipy", "numba", "xarray", "zarr", "pydantic", "pint", "nibabel", "pynrrd")
    return {
        "started": datetime.now(UTC).isoformat(timespec="seconds"),
        "python": sys.version.split()[0],
        "platform": machine(),
        "libraries": {name: metadata.version(name) for name in libraries},
    }
