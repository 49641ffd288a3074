"""Doors: how long a scan takes to come in and a step to go out, and how damaged files and killed runs end.

A CT of 512 x 512 x 133 voxels with a label map is made up (once as a DICOM series of 133 files, once as NIfTI) and read
to the computing grid in a process of its own, whose peak memory is taken with its libraries. One step of a 128^3 record
is written with everything that is kept of it. Mutated inputs and the killed sweep are those of `verification/`.
"""

import argparse
import json
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
import record_step
from common import Figure, footnotes, report

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT / "tests"), str(ROOT / "verification"), str(ROOT / "verification" / "fuzz")]

SHAPE, SPACING = (512, 512, 133), (0.75, 0.75, 2.5)
REPEATS = 3

READ = """
import json, sys, time
start = time.perf_counter()
from oxablate.anatomy.scan import BodyByBrightness
from oxablate.anatomy.subject import Subject
imported = time.perf_counter()
subject = Subject.from_scan(
    sys.argv[1], sys.argv[2], {1: "host", 2: "tumour_viable", 3: "large_vessel"}, 1.0, 20.0, "liver", BodyByBrightness()
)
done = time.perf_counter()
# ru_maxrss would be that of the process that started this one, where that was larger
peak = next(int(line.split()[1]) for line in open("/proc/self/status") if line.startswith("VmHWM")) * 1024
print(json.dumps({"seconds": done - start, "read": done - imported, "peak": peak, "voxels": subject.grid.size}))
"""


def made_up_scan():
    """Intensities (int16) of a body with noise, and labels: an organ, a lesion of 4 cm, a vessel."""
    rng = np.random.default_rng(0)
    x, y, z = (((np.arange(n) - n / 2) * h).astype(np.float32) for n, h in zip(SHAPE, SPACING, strict=True))
    r2 = (x[:, None, None] / 180) ** 2 + (y[None, :, None] / 130) ** 2 + 0 * z[None, None, :]
    values = np.where(r2 < 1, 40, -1000).astype(np.int16)
    values += rng.integers(-20, 21, SHAPE, np.int16)
    labels = np.zeros(SHAPE, np.uint8)
    labels[((x[:, None, None] + 60) ** 2 + y[None, :, None] ** 2 + z[None, None, :] ** 2) < 90.0**2] = 1
    labels[((x[:, None, None] + 60) ** 2 + y[None, :, None] ** 2 + z[None, None, :] ** 2) < 20.0**2] = 2
    labels[(((x[:, None, None] + 20) ** 2 + (y[None, :, None] - 20) ** 2) < 6.0**2) & (z[None, None, :] < 100)] = 3
    return values, labels


def read_rows(folder: Path) -> list[Figure]:
    """Time and memory from files to the computing grid, for a DICOM series and for NIfTI."""
    from dicom_files import ct_series

    from oxablate.space.files import write_image
    from oxablate.space.image import Image, ImageGeometry

    values, labels = made_up_scan()
    origin = tuple(-n * h / 2 for n, h in zip(SHAPE, SPACING, strict=True))
    geometry = ImageGeometry(SHAPE, SPACING, origin, ((1.0, 0.0, 0.0), (0.0, 1.0, 0.0), (0.0, 0.0, 1.0)))
    ct_series(folder / "series", SHAPE, SPACING, origin, values=values)
    write_image(folder / "ct.nii.gz", Image(values, geometry))
    label_file = write_image(folder / "labels.nii.gz", Image(labels, geometry))
    rows = []
    for name, image in (("dicom", folder / "series"), ("nifti", folder / "ct.nii.gz")):
        command = [sys.executable, "-c", READ, str(image), str(label_file)]
        said = [subprocess.run(command, check=True, capture_output=True, text=True).stdout for _ in range(REPEATS)]
        runs = [json.loads(text) for text in said]
        middle = sorted(runs, key=lambda run: run["seconds"])[REPEATS // 2]
        rows += [
            Figure.judged(f"doors.read_{name}_seconds", middle["seconds"], "s", "<= 10"),
            Figure.judged(f"doors.read_{name}_memory", max(run["peak"] for run in runs) / 1e9, "GB", "<= 1"),
            Figure.judged(f"doors.read_{name}_seconds_without_imports", middle["read"], "s", ""),
        ]
    return rows


def sweep_rows(folder: Path) -> list[Figure]:
    """A sweep of 200 members of a 24^3 case, killed ten times and resumed."""
    from sweep_killed import killed_sweep

    found = killed_sweep(folder / "sweep")
    return [
        Figure.judged("doors.sweep_members_lost", found["lost"], "members", "<= 0"),
        Figure.judged("doors.sweep_members_run_twice", found["twice"], "members", "<= 0"),
        Figure.judged("doors.sweep_members", found["members"], "members", ">= 200"),
        Figure.judged("doors.sweep_kills", found["kills"], "kills", ">= 8"),
        Figure.judged("doors.sweep_seconds", found["seconds"], "s", ""),
    ]


def damage_rows() -> list[Figure]:
    """A thousand damaged files per format."""
    from fuzz_figures import fuzz_figures

    return [Figure.judged(f"doors.{name}", value, unit, target) for name, value, unit, target in fuzz_figures()]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--json", action="store_true")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        rows = read_rows(Path(folder)) + record_step.figures(128) + sweep_rows(Path(folder))
    report(rows + damage_rows() + footnotes(), arguments.json)


if __name__ == "__main__":
    main()
