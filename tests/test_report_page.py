"""The page, the figures and the exports of a run on a scan whose headers hold a patient's name."""

import base64
import gzip
import json
import re
import shutil
import xml.etree.ElementTree as ET
from html.parser import HTMLParser
from pathlib import Path

import matplotlib
import numpy as np
import pytest
from cases import small_data
from matplotlib.figure import Figure
from torn_record import OF_THE_LIQUID

from oxablate.protocol.record import open_record
from oxablate.protocol.run import Asked, run
from oxablate.quantities.cite import bibtex
from oxablate.quantities.refusal import BadInput
from oxablate.quantities.research_only import RESEARCH_ONLY, RESEARCH_ONLY_SHORT
from oxablate.report import cite, export, report
from oxablate.report import page as page_module
from oxablate.report.canvas import encoded, is_stamped
from oxablate.report.figures import GALLERY, concentration, save_figures
from oxablate.report.scene import Scene
from oxablate.storage.json_file import read_sealed, write_sealed

NAME = "MUSTERMANN^ERIKA"
TITLE = "<script>alert('x')</script> & \"quotes\""
QUESTION = "</style><img src=http://evil.example/x.png onerror=alert(1)> Does it spread?"
SHAPE, SPACING = (18, 17, 9), (1.5, 1.5, 3.0)
#: Figures that every run has; the others are tested where the liquid is.
ALWAYS = [entry for entry in GALLERY if entry.name not in OF_THE_LIQUID]


def write_scan(folder: Path) -> None:
    """A bright ball in a grey box: a NIfTI image and an NRRD label map, a name in every text field of their headers."""
    import nibabel
    import nrrd

    columns = np.array([[0.0, 1.0, 0.0], [-1.0, 0.0, 0.0], [0.0, 0.0, 1.0]]) * SPACING  # LPS, axes turned by 90 degrees
    origin = np.array([-12.0, 31.0, -100.5])
    index = np.stack(np.meshgrid(*map(np.arange, SHAPE), indexing="ij"), -1)
    away = (index - (np.array(SHAPE) - 1) / 2) * SPACING
    ball = (away**2).sum(-1) < 6.0**2
    affine = np.eye(4)
    affine[:3, :3], affine[:3, 3] = columns * [[-1], [-1], [1]], origin * [-1, -1, 1]
    image = nibabel.Nifti1Image((100.0 + 80.0 * ball + away[..., 0]).astype(np.float32), affine)
    for field in ("descrip", "db_name", "aux_file", "intent_name"):
        image.header[field] = NAME.encode()
    image.header.extensions.append(nibabel.nifti1.Nifti1Extension("comment", NAME.encode()))
    image.set_sform(affine, code="scanner")
    nibabel.save(image, folder / "image.nii.gz")
    header = {
        "space": "left-posterior-superior", "space directions": columns.T, "space origin": origin,
        "content": NAME, "PatientName": NAME,
    }  # fmt: skip
    nrrd.write(str(folder / "labels.nrrd"), ball.astype(np.uint8), header)


def scan_case(folder: Path) -> Path:
    """Write the scan and a case about it; returns the path of the case."""
    from ruamel.yaml import YAML

    write_scan(folder)
    scan = {
        "image": "image.nii.gz", "labels": "labels.nrrd", "label_names": {1: "tumour_viable"}, "host": "liver",
        "spacing": "1.5 mm", "margin": "5 mm", "body": "everything",
    }  # fmt: skip
    arms = [
        {"agent": "inert_tracer", "concentration": "1 g/L"}, {"agent": "vehicle"},
        {"agent": "chlorine_dioxide", "concentration": "3 g/L"},
    ]  # fmt: skip
    data = small_data(subject={"scan": scan}, arms=arms, title=TITLE, question=QUESTION)
    with open(folder / "case.yaml", "w") as file:
        YAML(typ="safe", pure=True).dump(data, file)
    return folder / "case.yaml"


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    """A finished run with its page."""
    home = tmp_path_factory.mktemp("report")
    run(scan_case(home), home / "out")
    report(home / "out")
    return home / "out"


@pytest.fixture(scope="module")
def scene(folder) -> Scene:
    return Scene(open_record(folder))


class Page(HTMLParser):
    """What of a page matters here: addresses it loads or links, ids, texts of figures and tables, tags left open."""

    VOID = frozenset({"meta", "img", "br", "link", "input", "hr"})

    def __init__(self, text: str):
        super().__init__()
        self.addresses, self.ids, self.tags, self.open = [], [], [], []
        self.blocks, self.text = [], []
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        values = dict(attrs)
        self.tags.append(tag)
        self.addresses += [values[k] for k in ("src", "href", "srcset", "data", "action", "poster") if k in values]
        self.ids += [values["id"]] if "id" in values else []
        assert not [k for k in values if k.startswith("on")], values
        if tag not in self.VOID:
            self.open.append(tag)
        if tag in ("figure", "table"):
            self.blocks.append([tag, ""])

    def handle_endtag(self, tag):
        assert self.open and self.open[-1] == tag, (tag, self.open[-3:])
        self.open.pop()

    def handle_data(self, data):
        if "body" in self.open:
            self.text.append(data)
        if {"figure", "table"} & set(self.open):
            self.blocks[-1][1] += data


@pytest.fixture(scope="module")
def page(folder) -> Page:
    return Page((folder / "report.html").read_text(encoding="utf-8"))


def test_the_page_loads_nothing_from_elsewhere(page, folder):
    assert page.addresses and all(address.startswith("data:image/") for address in page.addresses)
    assert not {"script", "iframe", "link", "object", "embed", "form"} & set(page.tags)
    text = (folder / "report.html").read_text(encoding="utf-8")
    style = text.partition("<style>")[2].partition("</style>")[0]
    assert "@import" not in style and "url(" not in style
    assert "default-src 'none'" in text and not page.open
    for address in page.addresses:
        kind, content = re.fullmatch(r"data:image/(png|svg\+xml);base64,(.+)", address, re.S).groups()
        blob = base64.b64decode(content, validate=True)
        assert blob.startswith(b"\x89PNG") if kind == "png" else ET.fromstring(blob).tag.endswith("svg")
        assert b"<script" not in blob and b'href="http' not in blob


def test_every_part_is_there_and_flags_come_first(page):
    parts = [
        "validity", "answer", "setup", "slices", "curves", "shares", "ledger", "numbers", "parameters", "references",
        "words", "provenance",
    ]  # fmt: skip
    assert [i for i in page.ids if i in parts] == parts
    drawn = {f"figure-{entry.name}" for entry in ALWAYS} | {"movie"}
    assert drawn <= set(page.ids)


def test_what_it_is_not_for_is_on_the_page_and_on_every_figure_and_table(page):
    text = " ".join("".join(page.text).split())
    assert text.count(RESEARCH_ONLY) == 2 and text.index(RESEARCH_ONLY) < 300
    assert len(page.blocks) > 20
    assert [words[:60] for _, words in page.blocks if RESEARCH_ONLY_SHORT not in words] == []


def test_hostile_words_stay_words(page, folder):
    text = (folder / "report.html").read_text(encoding="utf-8")
    assert "<script" not in text and "<img src=http" not in text
    shown = "".join(page.text)
    assert TITLE in shown and QUESTION in shown


def test_the_answer_is_the_outcome_in_words(page, scene):
    text = " ".join("".join(page.text).split()).replace("\u202f", " ")
    found = scene.summaries["chlorine_dioxide"]["outcomes"]
    assert scene.summaries["vehicle"]["outcomes"]["killed_share_of_tumour"] == 0.0
    assert text.count("killed 0 % of the tumour") >= 2  # tracer and vehicle are seen to do nothing
    assert f"{100 * found['consumed_fraction']:.3g} %" in text
    assert f"killed {100 * found['killed_share_of_tumour']:.3g} % of the tumour" in text
    assert "20 \u00b5L given" in text and "no recommendation" in text
    assert (
        f"{1e9 * found['agent_given_mol']:.3g} nmol" in text
        or f"{1e6 * found['agent_given_mol']:.3g} \u00b5mol" in text
    )


def test_the_volume_is_shared_out_without_rest(scene):
    for arm in scene.arms:
        summary = scene.summaries[arm]
        given = summary["ledger"]["fluid"]["gained"]["needle"]
        assert given == pytest.approx(scene.about["injection"]["volume_m3"], rel=1e-9)
        assert sum(summary["fluid_shares"].values()) == pytest.approx(given, rel=1e-9)


def test_parameters_carry_their_grade_and_the_users_are_marked(page, folder):
    about = open_record(folder).about
    text = " ".join("".join(page.text).split())
    assert text.count("set by the user") >= 3 and about["overridden"]
    assert "No flag:" in text or "left" in text
    for source in {row["source"] for row in about["parameters"]} - {"none", "computed", "convention"}:
        assert source in text


@pytest.mark.parametrize("entry", ALWAYS, ids=lambda entry: entry.name)
def test_a_figure_is_stamped_and_the_same_under_other_settings(entry, scene):
    figure = entry.draw(scene)
    assert isinstance(figure, Figure) and is_stamped(figure)
    first = encoded(figure, entry.kind, 50)
    with matplotlib.rc_context({"lines.linewidth": 9.0, "font.size": 20.0, "svg.hashsalt": "other"}):
        assert encoded(entry.draw(scene), entry.kind, 50) == first


def test_an_unstamped_figure_is_not_written():
    with pytest.raises(BadInput, match="stamp"):
        encoded(Figure(), "png")


def test_figures_are_written_on_request(scene, tmp_path):
    record = scene.record
    (path,) = save_figures(record, tmp_path, ("fluid_shares",), "pdf")
    assert path.read_bytes().startswith(b"%PDF")
    with pytest.raises(BadInput, match="fluid_shares"):
        save_figures(record, tmp_path, ("fluid_share",))
    assert is_stamped(concentration(record, time=60.0))


def test_the_same_record_gives_the_same_page(folder):
    before = (folder / "report.html").read_bytes()
    assert report(folder).read_bytes() == before
    years = set(re.findall(rb"20\d\d-\d\d-\d\dT", before))
    assert years == {json.loads((folder / "provenance.json").read_text())["started"][:11].encode()}


def test_exports_lie_on_the_input(folder):
    import SimpleITK

    written = export(folder)
    assert export(folder) == written and all(path.is_file() for path in written)
    scan = SimpleITK.ReadImage(str(folder.parent / "image.nii.gz"))
    record = open_record(folder)
    data = record.fields("chlorine_dioxide").isel(time=-1)
    home = folder / "arms" / "chlorine_dioxide" / "nifti"
    assert {f"{name}.nii.gz" for name in data.data_vars} <= {path.name for path in home.iterdir()}
    for path in home.glob("*.nii.gz"):
        image = SimpleITK.ReadImage(str(path))
        assert image.GetSize() == scan.GetSize() == SHAPE
        assert image.GetOrigin() == pytest.approx(scan.GetOrigin(), rel=1e-6)
        assert image.GetDirection() == pytest.approx(scan.GetDirection(), abs=1e-6)
        assert image.GetSpacing() == pytest.approx(scan.GetSpacing(), rel=1e-6)
        assert image.GetMetaData("descrip").startswith(RESEARCH_ONLY_SHORT)
    said = json.loads((home / "fields.json").read_text())
    assert said["files"]["pressure.nii.gz"]["unit"] == "Pa"


@pytest.mark.parametrize("name", ["pressure", "image"])  # the image falls from end to end, so a turned axis is seen
def test_an_export_holds_the_value_of_the_place(folder, name):
    """A value looked up by its place in the patient is that of the record at this place."""
    import SimpleITK

    export(folder)
    record = open_record(folder)
    data = record.fields("vehicle").isel(time=-1)
    image = SimpleITK.ReadImage(str(folder / "arms" / "vehicle" / "nifti" / f"{name}.nii.gz"))
    inside = SimpleITK.ReadImage(str(folder / "arms" / "vehicle" / "nifti" / "computed.nii.gz"))
    origin, spacing = np.array(data.attrs["origin_lps_mm"]), np.array(data.attrs["spacing_mm"])
    axes = np.array(data.attrs["direction_matrix"])
    checked = 0
    for index in np.ndindex(*SHAPE):
        place = np.array(image.TransformIndexToPhysicalPoint(index))
        at = (place - origin) @ axes / spacing
        if np.all(at > 0) and np.all(at < np.array(data[name].shape) - 1):
            assert inside[index] == 1
            expected = float(data[name].interp(x=at[0] * spacing[0], y=at[1] * spacing[1], z=at[2] * spacing[2]))
            assert image[index] == pytest.approx(expected, rel=1e-5)
            checked += 1
            if checked == 40:
                break
    assert checked == 40


def test_paraview_files_hold_every_field_at_every_time(folder):
    written = export(folder, "all")
    record = open_record(folder)
    data = record.fields("vehicle")
    files = [path for path in written if path.suffix == ".vti" and "vehicle" in path.parts]
    assert len(files) == data.sizes["time"]
    for path in files:
        text = path.read_bytes().partition(b'<AppendedData encoding="base64">')[0] + b"</VTKFile>"
        tree = ET.fromstring(text)
        image = tree.find("ImageData")
        names = {array.get("Name").partition(" [")[0] for array in tree.iter("DataArray")}
        assert names == set(data.data_vars)
        assert image.get("WholeExtent") == " ".join(f"0 {data.sizes[a]}" for a in "xyz")


@pytest.mark.parametrize("times", ["first", ""])
def test_other_times_are_refused(folder, times):
    with pytest.raises(BadInput, match="last"):
        export(folder, times)


def test_references_name_the_software_and_what_it_rests_on(folder):
    references = cite(folder)
    keys = [reference.key for reference in references]
    assert keys[0] == "oxablate" and {"numpy-2020", "baxter-jain-1989", "peaceman-1978"} <= set(keys)
    assert len(set(keys)) == len(keys) and bibtex(references).count("\n@") + 1 == len(keys)
    assert "{" not in references[0].plain() and "0.1" in references[0].plain()


def test_no_name_of_a_patient_is_in_anything_written(folder):
    export(folder, "all")
    looked = 0
    for path in folder.rglob("*"):
        if path.is_file():
            blob = path.read_bytes()
            blob = gzip.decompress(blob) if path.suffix == ".gz" else blob
            assert b"mustermann" not in blob.lower(), path
            looked += 1
    assert looked > 50
    with gzip.open(folder.parent / "image.nii.gz") as scan:  # the name was there to be found
        assert NAME.encode() in scan.read()


def changed(folder: Path, home: Path, missing: tuple[str, ...] = (), **about) -> Path:
    """A copy of a record without the outcomes of some arms and with other words in record.json."""
    shutil.copytree(folder, home)
    for arm in missing:
        (home / "arms" / arm / "summary.json").unlink()
    kept = json.loads((home / "record.json").read_text())
    write_sealed(home / "record.json", kept | about)
    return home


def test_a_run_that_failed_says_so_and_shows_what_it_has(folder, tmp_path):
    said = "the flow found no step at 7 s"
    home = changed(folder, tmp_path / "failed", ("chlorine_dioxide",), status="failed", failure=said)
    page = Page(report(home).read_text(encoding="utf-8"))
    first = " ".join("".join(page.text).split())[:1500]
    assert "This run failed" in first and said in first and "not on this page: chlorine dioxide" in first
    assert "figure-killed" in page.ids and "figure-exposure" not in page.ids


def test_a_run_without_any_outcome_is_refused(folder, tmp_path):
    home = changed(folder, tmp_path / "empty", ("inert_tracer", "vehicle", "chlorine_dioxide"), status="running")
    with pytest.raises(BadInput, match="resume"):
        report(home)


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("steps", [0, 1])
def test_a_run_that_was_stopped_at_once_has_a_page(tmp_path, steps):
    looked = []

    def stop() -> bool:
        looked.append(1)
        return len(looked) > steps

    done = run(scan_case(tmp_path), tmp_path / "out", asked=Asked(stop=stop))
    assert done.about["status"] == "stopped"
    page = Page(report(tmp_path / "out").read_text(encoding="utf-8"))
    assert "This run was stopped before its end" in " ".join("".join(page.text).split())
    assert ("figure-fluid_shares" in page.ids) == (steps > 0)


def test_a_run_within_its_bounds_says_that_too(folder, tmp_path):
    home = changed(folder, tmp_path / "fine")
    files = open_record(home).about["files"]
    for path in home.glob("arms/*/summary.json"):
        write_sealed(path, json.loads(path.read_text()) | {"flags": []})
        files[path.relative_to(home).as_posix()] = read_sealed(path)["checksum"]
    write_sealed(home / "record.json", open_record(home).about | {"files": files})
    text = report(home).read_text(encoding="utf-8")
    assert "No flag:" in text and "Validity flags" not in text


def test_many_arms_are_shown_in_several_figures(folder, monkeypatch):
    monkeypatch.setattr(page_module, "SIDE_BY_SIDE", 2)
    found = page_module.pictures(Scene(open_record(folder)))
    assert len(found["killed"]) == len(found["pressure"]) == 2
    assert len(found["exposure"]) == len(found["anatomy"]) == 1
    assert found["killed"][0]["address"] != found["killed"][1]["address"]


def test_a_folder_without_a_record_is_refused(tmp_path):
    with pytest.raises(BadInput, match=r"record\.json"):
        report(tmp_path)
