"""Cases and records in a notebook: small tables that hold nothing but text, a tree that xarray opens lazily."""

from html.parser import HTMLParser

import numpy as np
import pytest
from cases import small_case, write_case

import oxablate as package
from oxablate.quantities import dimension as dim
from oxablate.quantities.research_only import RESEARCH_ONLY
from oxablate.quantities.unit import show

HOSTILE = "<script>alert(1)</script> & \"quoted\" <img src=x onerror='x'>"


class Tags(HTMLParser):
    """The tags, attributes and text of a piece of HTML."""

    def __init__(self, html):
        super().__init__()
        self.tags, self.attributes, self.text = [], [], []
        self.feed(html)

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)
        self.attributes += attrs

    def handle_data(self, data):
        self.text.append(data)


@pytest.fixture(scope="module")
def record(tmp_path_factory):
    folder = tmp_path_factory.mktemp("views")
    arms = [{"agent": "vehicle"}, {"agent": "chlorine_dioxide", "concentration": "3 g/L"}]
    case = write_case(
        folder / "case.yaml", arms=arms, follow="4 s", output__every="2 s", injection__volume="0.5 uL", title=HOSTILE
    )
    return package.run(case, folder / "out")


def test_a_case_shows_itself():
    case = small_case(title=HOSTILE)
    assert str(case) == repr(case)
    for words in (
        f"20 uL at {show(case.injection.flow_rate, dim.FLOW_RATE)} from 0 s on",
        "chlorine_dioxide, 3 g/L",
        "phantom in liver",
        "3 min",
        RESEARCH_ONLY,
    ):
        assert words in str(case), words
        assert words in "".join(Tags(case._repr_html_()).text), words


@pytest.mark.parametrize("which", ["case", "record"])
def test_nothing_that_a_person_wrote_becomes_a_tag(record, which):
    html = (small_case(title=HOSTILE) if which == "case" else record)._repr_html_()
    seen = Tags(html)
    assert set(seen.tags) == {"div", "strong", "table", "tr", "th", "td", "p", "em"}
    assert set(seen.attributes) == {("style", "text-align:left")} and HOSTILE in seen.text


def test_a_title_cannot_reach_the_terminal(record):
    from dataclasses import replace

    hostile = replace(record, about=record.about | {"title": "a\x1b[31m\u202eb" + "x" * 1000})
    assert "\x1b" not in str(hostile) and "\u202e" not in str(hostile) and "..." in str(hostile)


def test_a_record_says_how_it_ended_and_which_arm_cannot_be_read(record):
    assert "complete, followed for 4 s" in str(record) and "to distrust:" in str(record)
    assert "synthetic: ellipsoid phantom" in str(record) and RESEARCH_ONLY in str(record)
    summary = record.folder / "arms" / "vehicle" / "summary.json"
    whole = summary.read_bytes()
    summary.write_bytes(whole[:-20])
    try:
        assert "arm vehicle" in str(record) and "damaged" in str(record) and "complete" in str(record)
    finally:
        summary.write_bytes(whole)


def test_xarray_sees_every_arm_with_units_and_its_place_in_the_patient(record):
    import xarray

    tree = record.to_xarray()
    assert isinstance(tree, xarray.DataTree) and set(tree.children) == {"vehicle", "chlorine_dioxide"}
    for arm in record.arms:
        fields, direct = tree[arm].to_dataset(), record.fields(arm)
        assert set(fields.data_vars) == set(direct.data_vars) and fields.sizes["time"] == direct.sizes["time"]
        xarray.testing.assert_equal(fields, direct)
        for name, field in fields.variables.items():
            assert field.attrs["units"] and field.attrs["long_name"], name
    assert {tree[axis].attrs["units"] for axis in "xyz"} == {"mm"} and tree["vehicle"].time.attrs["units"] == "s"
    assert tree.attrs["research_only"] == RESEARCH_ONLY and tree.attrs["title"] == HOSTILE


def test_xarray_sees_the_arms_that_have_begun(tmp_path):
    from oxablate.protocol.run import Asked

    arms = [{"agent": "vehicle"}, {"agent": "inert_tracer", "concentration": "1 g/L"}]
    case = write_case(tmp_path / "case.yaml", arms=arms)
    stopped = package.run(case, tmp_path / "out", asked=Asked(stop=lambda: True))
    assert set(stopped.to_xarray().children) == {"vehicle"}


def test_the_affine_puts_a_voxel_where_the_grid_does(record):
    """The needle's tip, found through the tree, against the place in the record's own summary of the grid."""
    tree, attributes = record.to_xarray(), record.fields("vehicle").attrs
    affine = np.array(tree.attrs["affine_lps_mm"])
    index = np.array([3, 5, 2])
    expected = np.array(attributes["origin_lps_mm"])
    for axis in range(3):
        column = np.array(attributes["direction_matrix"])[:, axis]
        expected = expected + column * attributes["spacing_mm"][axis] * index[axis]
    assert affine @ [*index, 1.0] == pytest.approx([*expected, 1.0], rel=1e-12)


def test_nothing_is_read_before_it_is_asked_for(record):
    variable = record.to_xarray()["chlorine_dioxide"].killed.variable
    assert not variable._in_memory
    assert float(variable.max()) >= 0.0
