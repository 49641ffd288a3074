"""A scan whose every word is meant to be run, for tests that it stays text: on the page, on the terminal, in tables."""

import json
from pathlib import Path

import numpy as np
from cases import small_data
from dicom_files import ct_series, seg

SHAPE, SPACING = (16, 15, 10), (1.5, 1.5, 3.0)

#: Words that run something where they are not kept as text: in HTML, in a template, in a terminal, in a spreadsheet.
SCRIPT = "<script>window.__pwned=1</script>"
IMAGE = '"><img src=x onerror="window.__pwned=1">'
SVG = "<svg/onload=window.__pwned=1>"
STYLE = "</style><script>window.__pwned=1</script>"
LINK = "javascript:window.__pwned=1"
REMOTE = "<img src=http://192.0.2.1/pixel.png>"
TEMPLATE = "{{7*7}}{% raw %}"
FORMULA = "=cmd|'/C calc'!A0"
TERMINAL = "\x1b[31mred\x1b]0;owned\x07"
BACKWARDS = "\u202etxet\u2066"
PERSON = "PWNED^PATIENT"

#: Names of the two segments, as the DICOM file has them and as a person writes them in the file of tissues.
SEGMENTS = {f"{SVG} {TEMPLATE}": "tumour_viable", f"{FORMULA} {IMAGE}"[:60]: "necrotic_core"}


def write_hostile_case(folder: Path) -> Path:
    """A CT series with a DICOM segmentation, names of tissues and a case, all full of such words; returns the case."""
    from ruamel.yaml import YAML

    folder.mkdir(parents=True, exist_ok=True)
    index = np.stack(np.meshgrid(*map(np.arange, SHAPE), indexing="ij"), -1)
    away = np.sqrt((((index - (np.array(SHAPE) - 1) / 2) * SPACING) ** 2).sum(-1))
    words = f"{SCRIPT}{TERMINAL}{BACKWARDS}"
    series = ct_series(
        folder / "series", shape=SHAPE, spacing=SPACING, values=60.0 + 40.0 * (away < 9.0),
        PatientName=PERSON, PatientID=PERSON, SeriesDescription=f"{IMAGE}{TERMINAL}"[:64], StudyDescription=words[:64],
        ProtocolName=TEMPLATE, InstitutionName=REMOTE, SpecificCharacterSet="ISO_IR 192", Manufacturer=STYLE[:64],
    )  # fmt: skip
    masks = dict(zip(SEGMENTS, ((away < 9.0) & (away >= 4.0), away < 4.0), strict=True))
    seg(folder / "labels.dcm", series[0].parent, masks)
    lines = [f"  {json.dumps(name)}: {tissue}" for name, tissue in SEGMENTS.items()]
    (folder / "tissues.yaml").write_text("\n".join(["tissues:", *lines, ""]))
    scan = {
        "image": "series", "labels": "labels.dcm", "tissues": "tissues.yaml", "host": "liver", "spacing": "1.5 mm",
        "margin": "4 mm", "body": "everything",
    }  # fmt: skip
    data = small_data(subject={"scan": scan}, title=f"{SCRIPT} {STYLE} {TEMPLATE}", arms=[{"agent": "own.toml"}])
    data["question"] = f"{IMAGE} {SVG} {LINK} {REMOTE} {FORMULA}"
    (folder / "own.toml").write_text(
        f'name = "own"\ndescription = {json.dumps(f"{SCRIPT} {IMAGE} {TEMPLATE} {LINK}")}\n'
    )
    with open(folder / "case.yaml", "w") as file:
        YAML(typ="safe", pure=True).dump(data, file)
    return folder / "case.yaml"
