"""Run a case: every arm from the first second to the last, into a record that can be resumed."""

import hashlib
import json
import platform
import sys
from collections.abc import Callable
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from importlib import metadata
from pathlib import Path

from ..quantities.refusal import BadInput
from ..quantities.research_only import RESEARCH_ONLY
from ..storage.whole_file import write_whole
from .case import Case, load_case, naming
from .checkpoint import load_checkpoint, save_checkpoint
from .coupling import ArmRun
from .injury import dose_law
from .outcomes import kept_fields, series_row, statics, summary
from .record import SCHEMA, FieldWriter, Record, open_record, read_json, write_json, write_series
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

    resume: go on from the checkpoints in `out`. Returns the record; its status is "complete" or "stopped". Raises
    BadInput before anything is written, RunFailed when the computation cannot go on (what was kept stays).
    """
    out, asked = Path(out), asked or Asked()
    folder, text, source = Path.cwd(), None, "the case"
    if not isinstance(case, Case):
        folder, text, source = Path(case).parent, read_text(Path(case)), Path(case).name
        case = load_case(case)
    with naming(source):
        setting = prepare(case, folder)
    for arm in setting.arms:
        dose_law(setting, arm)  # refuses impossible numbers before anything is written
    key = case_key(setting)
    _open_folder(out, resume, key)
    about = _about(setting, key)
    write_json(out / "record.json", about | {"status": "running"})
    write_json(out / "provenance.json", _provenance())
    write_whole(out / "case.yaml", (text or json.dumps(case.model_dump(mode="json"), indent=1)).encode())
    status = "complete"
    try:
        for arm in setting.arms:
            if not _run_arm(setting, arm, out / "arms" / arm.name, key, asked):
                status = "stopped"
                break
    except Exception as failure:  # whatever stops a run, its record says so
        write_json(out / "record.json", about | {"status": "failed", "failure": str(failure)})
        raise
    write_json(out / "record.json", about | {"status": status})
    return open_record(out)


def case_key(setting: Setting) -> str:
    """Checksum of everything a run depends on: case, agents, subject, numbers, version."""
    agents = {arm.name: [f"{k} {q.si!r}" for k, q in arm.agent.quantities().items()] for arm in setting.arms}
    parts = [
        setting.case.model_dump_json(),
        json.dumps([agents, [arm.concentration for arm in setting.arms]], sort_keys=True),
        setting.subject.fingerprint(),
        json.dumps([asdict(row) for row in setting.parameters.rows()], sort_keys=True),
        metadata.version("oxablate"),
    ]
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()


def event_times(setting: Setting) -> list[float]:
    """Times [s] a run lands on: outputs, start and end of the pump, the end."""
    case, pump = setting.case, setting.pump
    count = int(case.follow / case.output.every * (1 + 1e-12))
    times = {case.output.every * n for n in range(1, count + 1)} | {case.follow}
    times |= {t for t in (pump.start, pump.end) if 0 < t < case.follow}
    merged: list[float] = []
    for t in sorted(times):
        # an output that falls on the pump's end to round-off is one event, not two with a step of 1e-13 s between
        if merged and t - merged[-1] <= 1e-9 * case.follow:
            merged[-1] = t if t in (pump.start, pump.end, case.follow) else merged[-1]
        else:
            merged.append(t)
    return merged


def _run_arm(setting: Setting, arm: ArmSetting, folder: Path, key: str, asked: Asked) -> bool:
    """Run or resume one arm; returns False when it was asked to stop."""
    folder.mkdir(parents=True, exist_ok=True)
    done = folder / "summary.json"
    if done.exists() and read_json(done).get("status") == "complete":
        return True
    model = ArmRun(setting, arm)
    writer = FieldWriter(folder / "fields.zarr", setting.subject.grid, {"arm": arm.name, "title": setting.case.title})
    rows, kept = _begin(model, writer, folder, key)
    checkpoint = folder / "checkpoint.npz"
    for until in (t for t in event_times(setting) if t > model.state.clock.time):
        while model.state.clock.time < until:
            if asked.stop():
                save_checkpoint(checkpoint, model.state, model.ledger, rows, kept, key)
                _finish(model, folder, rows, "stopped")
                return False
            duration = model.step(until)
            rows.append(series_row(model, duration))
            asked.progress(arm.name, model.state.clock.time, setting.case.follow)
        if until in (setting.pump.start, setting.pump.end):
            model.state.clock.next_step = 0.0
        writer.append(until, kept_fields(model), kept)
        kept += 1
        write_series(folder / "series.csv", rows)
        save_checkpoint(checkpoint, model.state, model.ledger, rows, kept, key)
    _finish(model, folder, rows, "complete")
    checkpoint.unlink(missing_ok=True)
    return True


def _begin(model: ArmRun, writer: FieldWriter, folder: Path, key: str) -> tuple[list[dict], int]:
    """Start fresh, or take up the checkpoint that lies there."""
    checkpoint = folder / "checkpoint.npz"
    if checkpoint.exists():
        state, ledger, rows, kept = load_checkpoint(checkpoint, key)
        model.adopt(state, ledger)
        writer.cut(kept)
        return rows, kept
    if writer.path.exists():
        import shutil

        shutil.rmtree(writer.path)  # an arm that never reached its first checkpoint
    writer.create(statics(model))
    writer.append(0.0, kept_fields(model), 0)
    return [], 1


def _finish(model: ArmRun, folder: Path, rows: list[dict], status: str) -> None:
    write_series(folder / "series.csv", rows)
    write_json(folder / "summary.json", summary(model, rows) | {"status": status})


def _open_folder(out: Path, resume: bool, key: str) -> None:
    """Make or check the output folder; never write over a record that is not being resumed."""
    if out.exists() and not out.is_dir():
        raise BadInput(f"--out: {out} is a file; name a folder that does not exist yet")
    if out.exists() and any(out.iterdir()):
        if not resume:
            raise BadInput(f"--out: {out} is not empty; name a new folder, or add --resume to go on with the run in it")
        if read_json(out / "record.json").get("key") != key:
            raise BadInput(f"--resume: {out} holds a run of another case or with other numbers; name a new folder")
    try:
        out.mkdir(parents=True, exist_ok=True)
        (out / "arms").mkdir(exist_ok=True)
    except OSError as error:
        raise BadInput(f"--out: {out} cannot be written ({error.strerror}); choose another folder") from error


def _about(setting: Setting, key: str) -> dict:
    """What record.json says about a run, but for its status: plain data, no date, no host."""
    case = setting.case
    quantities = {f"{arm.name}.{n}": q for arm in setting.arms for n, q in arm.agent.quantities().items()}
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
        "subject": _about_subject(setting.subject),
        "injection": {
            "tip_lps_m": list(setting.tip),
            "entry_lps_m": list(entry_point(setting.case) or ()),
            "cavity_radius_m": case.needle.cavity_radius,
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
        "platform": platform.platform(),
        "libraries": {name: metadata.version(name) for name in libraries},
    }
