"""A new case file and the schema for editors: every key is there, nothing is lost, both agree with the reader."""

import json
import os
import re
import shutil
from pathlib import Path

import jsonschema
import pytest
from cases import SMALL, small_data
from house import ROOT
from hypothesis import given, settings
from hypothesis import strategies as st
from shell import assert_refused, files_under, oxablate

import oxablate as package
from oxablate.protocol.case import load_case
from oxablate.protocol.case_keys import case_keys
from oxablate.protocol.case_text import flow
from oxablate.protocol.case_words import WORDS
from oxablate.protocol.yaml_door import read_yaml
from oxablate.quantities import dimension as dim
from oxablate.quantities.refusal import BadInput
from oxablate.quantities.unit import read

EXAMPLES = sorted((ROOT / "examples").glob("*.yaml"))
COMMENTED_KEY = re.compile(r"^(\s*)# ((?:\s*# )*\s*(?:- )?[a-z_]+:(?: .*)?)$")


def paths_of(data, above=""):
    """Every path of keys in plain data; entries of lists have no number."""
    if isinstance(data, list):
        return {path for entry in data for path in paths_of(entry, above)}
    if not isinstance(data, dict):
        return set()
    return {f"{above}{key}" for key in data} | {p for k, v in data.items() for p in paths_of(v, f"{above}{k}.")}


def everything_taken(text: str) -> str:
    """The text of a case with every key taken that stands behind a '#'."""
    while True:
        taken = "\n".join(COMMENTED_KEY.sub(r"\1\2", line) for line in text.splitlines())
        if taken == text:
            return text + "\n"
        text = taken


def test_every_key_of_a_case_is_explained_and_no_other():
    assert {key.path for key in case_keys()} == set(WORDS)


@pytest.mark.parametrize("source", ["phantom", "scan", "dicom"])
def test_every_key_is_in_the_file_with_its_explanation(tmp_path, source):
    said = oxablate("new", "--from", source, tmp_path / "case.yaml")
    assert said.status == 0 and not said.err and said.out.strip() == str(tmp_path / "case.yaml")
    text = (tmp_path / "case.yaml").read_text()
    (tmp_path / "all.yaml").write_text(everything_taken(text))
    paths = {key.path for key in case_keys()}
    assert paths <= paths_of(read_yaml(tmp_path / "all.yaml"))
    plain = " ".join(re.sub(r"^[\s#]+", "", line) for line in text.splitlines())
    missing = [key.path for key in case_keys() if " ".join(f"{key.meaning} {key.allowed}".split()) not in plain]
    assert not missing, missing
    assert "They are no recommendation of any dose" in plain and "Research only." in plain
    assert load_case(tmp_path / "case.yaml").seed == read_yaml(tmp_path / "case.yaml")["seed"]
    assert all(len(line) <= 120 for line in text.splitlines())


def test_a_new_phantom_is_accepted_as_it_is_and_holds_the_numbers_of_the_example(tmp_path):
    assert oxablate("new", tmp_path / "deep" / "case.yaml").status == 0
    assert oxablate("inspect", tmp_path / "deep" / "case.yaml").status == 0
    assert load_case(tmp_path / "deep" / "case.yaml") == load_case(ROOT / "examples" / "small_phantom.yaml")


def test_a_new_scan_with_the_users_files_is_accepted(tmp_path):
    for name in ("image", "label"):
        shutil.copy(ROOT / "examples" / "data" / f"brain1_{name}.nrrd", tmp_path)
    files = ["--image", tmp_path / "brain1_image.nrrd", "--labels", tmp_path / "brain1_label.nrrd"]
    assert oxablate("new", "--from", "scan", *files, tmp_path / "case.yaml").status == 0
    said = oxablate("inspect", tmp_path / "case.yaml")
    assert said.status == 0 and "scan: image with sha256" in said.out
    new, demo = (
        load_case(folder / name) for folder, name in [(tmp_path, "case.yaml"), (ROOT / "examples", "brain_demo.yaml")]
    )
    for part in ("needle", "injection", "arms", "follow", "model", "output", "seed"):
        assert getattr(new, part) == getattr(demo, part), part
    assert new.subject.scan.label_names == demo.subject.scan.label_names and new.parameters.set == demo.parameters.set


def test_what_only_a_person_can_say_is_asked_for(tmp_path):
    import numpy as np

    from oxablate.space.files import read_labels, write_image
    from oxablate.space.image import Image

    labels = read_labels(ROOT / "examples" / "data" / "brain1_label.nrrd")
    two = labels.data.copy()
    two[0, 0, :2] = 7
    shutil.copy(ROOT / "examples" / "data" / "brain1_image.nrrd", tmp_path / "image.nrrd")
    write_image(tmp_path / "labels.nrrd", Image(two.astype(np.uint8), labels.geometry))
    package.new_case(tmp_path / "case.yaml", "scan", tmp_path / "image.nrrd", tmp_path / "labels.nrrd")
    assert read_yaml(tmp_path / "case.yaml")["subject"]["scan"]["label_names"] == {1: "fill_in", 7: "fill_in"}
    assert_refused(oxablate("inspect", tmp_path / "case.yaml"), "'fill_in'", "tumour_viable")


@pytest.mark.parametrize(
    ("name", "taken"), [("Segment_1", "tumour_viable"), ("portal vein", "large_vessel"), ("liver", "host")]
)
def test_a_lone_segment_is_the_tumour_unless_its_name_says_another_thing(tmp_path, name, taken):
    header, voxels = (ROOT / "examples" / "data" / "brain1_label.nrrd").read_bytes().split(b"\n\n", 1)
    named = f"\nSegment0_ID:=S1\nSegment0_Name:={name}\nSegment0_LabelValue:=1\nSegment0_Layer:=0\n\n".encode()
    (tmp_path / "mine.seg.nrrd").write_bytes(header + named + voxels)
    shutil.copy(ROOT / "examples" / "data" / "brain1_image.nrrd", tmp_path / "image.nrrd")
    package.new_case(tmp_path / "case.yaml", "scan", tmp_path / "image.nrrd", tmp_path / "mine.seg.nrrd")
    assert read_yaml(tmp_path / "case.yaml")["subject"]["scan"]["label_names"] == {name: taken}
    said = oxablate("inspect", tmp_path / "case.yaml")
    assert said.status == 0 if taken == "tumour_viable" else "no label" in said.err


def test_nothing_is_overwritten_and_a_wrong_wish_is_one_sentence(tmp_path):
    (tmp_path / "there.yaml").write_text("mine")
    (tmp_path / "link.yaml").symlink_to(tmp_path / "nowhere")
    (tmp_path / "outside.nrrd").write_text("x")
    before = files_under(tmp_path)
    for arguments, fragments in [
        ([tmp_path / "there.yaml"], ["there.yaml exists", "new file"]),
        ([tmp_path / "link.yaml"], ["link.yaml exists"]),
        ([tmp_path], ["is a folder", "case.yaml"]),
        ([tmp_path / "case.txt"], [".yaml", "case.txt.yaml"]),
        (["--from", "fantom", tmp_path / "c.yaml"], ["'fantom'", "'phantom'"]),
        (["--image", "x.nii", tmp_path / "c.yaml"], ["--image", "--from scan"]),
        (["--from", "scan", "--image", tmp_path / "no.nii", tmp_path / "c.yaml"], ["--image", "does not exist"]),
        (["--from", "scan", "--image", tmp_path / "outside.nrrd", tmp_path / "in" / "c.yaml"], ["outside", "copy"]),
        ([tmp_path / "there.yaml" / "c.yaml"], ["there.yaml", "cannot be written"]),
    ]:  # fmt: skip
        assert_refused(oxablate("new", *arguments), *fragments)
    assert files_under(tmp_path) == before


@given(st.text(max_size=40))
@settings(max_examples=200, deadline=None)
def test_a_text_comes_back_as_it_was(text):
    from ruamel.yaml import YAML

    assert YAML(typ="safe", pure=True).load(f"key: {flow({'a': [text, 1]})}\n")["key"] == {"a": [text, 1]}


def with_text_keys(data):
    """Plain data as an editor sees it: keys of mappings are text."""
    if isinstance(data, dict):
        return {str(key): with_text_keys(value) for key, value in data.items()}
    return [with_text_keys(value) for value in data] if isinstance(data, list) else data


@pytest.fixture(scope="module")
def judge():
    found = package.schema()
    jsonschema.Draft202012Validator.check_schema(found)
    return jsonschema.Draft202012Validator(found)


def test_the_schema_accepts_what_the_reader_accepts(judge, tmp_path):
    for source in ("phantom", "scan", "dicom"):
        package.new_case(tmp_path / f"{source}.yaml", source)
    for path in [*EXAMPLES, *sorted(tmp_path.glob("*.yaml"))]:
        load_case(path)
        found = [f"{e.json_path}: {e.message}" for e in judge.iter_errors(with_text_keys(read_yaml(path)))]
        assert not found, (path, found)


@pytest.mark.parametrize(
    "changes",
    [
        {"titel": "misspelt at the top"},
        {"injection__flow": "1 mL/h"},
        {"injection__volume": 5},
        {"injection__volume": "5"},
        {"injection__volume": "-5 mL"},
        {"injection__fraction_of_tumour": "30 %"},
        {"injection": {"flow_rate": "1 mL/h"}},
        {"subject": {}},
        {"subject__phantom__recipe__core": "heart"},
        {"subject__phantom__recipe__shape": {"kind": "ellipsoid", "semi_axes": ["9 mm", "9 mm"]}},
        {"subject__phantom__recipe__shape": {"kind": "ellipsoid"}},
        {"subject__phantom__recipe__surroundings": "muscle"},
        {"parameters__set": "generic-tumor"},
        {"parameters__override": {"tumour_viable.porocity": "20 %"}},
        {"needle__tip": "centre"},
        {"needle__tip": ["1 mm", "2 mm"]},
        {"arms": []},
        {"arms": [{"agent": "clo2"}]},
        {"arms": [{"agent": "vehicle", "concentration": "three"}]},
        {"model__pores": "open"},
        {"seed": -1},
        {"seed": "1"},
        {"oxablate": 2},
    ],
)
def test_the_schema_and_the_reader_refuse_the_same_slips(judge, changes):
    """The reader is the judge; a schema that says less would leave a slip unmarked in the editor."""
    from oxablate.protocol.case import parse_case
    from oxablate.protocol.recipe import read_recipe
    from oxablate.protocol.setting import prepare

    data = small_data(**changes)
    with pytest.raises(BadInput):
        case = parse_case(data, "case")
        read_recipe(case.subject.phantom.recipe)
        prepare(case, Path())
    assert not judge.is_valid(with_text_keys(data)) and judge.is_valid(with_text_keys(SMALL))


@given(
    st.sampled_from(["1", "0.5", ".5", "5.", "1e-3", "+2", "-2", "1,5", "1e", ""]),
    st.sampled_from(["", " "]),
    st.sampled_from(
        [*(unit for kind in dim.DIMENSIONS.values() for unit in (kind.si_unit, *kind.shown_in)), "\u00b5L"]
    ),
    st.sampled_from(list(dim.DIMENSIONS.values())),
)
@settings(max_examples=300, deadline=None)
def test_every_quantity_that_is_read_passes_the_schema(number, gap, unit, kind):
    from oxablate.protocol.quantified import text_schema

    text = f"{number}{gap}{unit}"
    try:
        read(text, kind)
    except BadInput:
        return
    assert jsonschema.Draft202012Validator(text_schema(kind)).is_valid(text)


def test_schema_is_printed_or_written_and_the_same_each_time(tmp_path):
    said = oxablate("schema")
    assert said.status == 0 and json.loads(said.out) == json.loads(json.dumps(package.schema()))
    for _ in range(2):
        assert oxablate("schema", "--out", tmp_path / "case.schema.json").status == 0
    assert (tmp_path / "case.schema.json").read_text() == said.out
    (tmp_path / "other.json").write_text("{}")
    assert_refused(oxablate("schema", "--out", tmp_path / "other.json"), "other.json", "exists")
    assert_refused(oxablate("schema", "--out", tmp_path / "no" / "x.json"), "cannot be written")
    assert (tmp_path / "other.json").read_text() == "{}"
    if os.name != "nt":  # a device that never ends; reading it would take all memory
        assert_refused(oxablate("schema", "--out", "/dev/zero"), "/dev/zero", "exists")
