"""Where did the liquid go, on the page: stacks, slices, tables and words, for cracks, track, tracer and old records."""

from itertools import pairwise

import matplotlib
import numpy as np
import pytest
from matplotlib.figure import Figure
from test_report_page import Page, scan_case
from torn_record import AT_END, AT_STOP, OF_THE_LIQUID, TornRecord, torn_record

from oxablate.protocol.record import open_record
from oxablate.protocol.run import run
from oxablate.protocol.setting import SYNTHETIC_LESION
from oxablate.protocol.whereabouts import PLACES
from oxablate.report import answers, citation, liquid, page, tables, tracer
from oxablate.report.canvas import encoded, is_stamped
from oxablate.report.exports import fields_at
from oxablate.report.figures import GALLERY, save_figures
from oxablate.report.opened import courses, crack_share, opened, swelling
from oxablate.report.scene import Scene

ARMS = ("inert_tracer", "vehicle", "chlorine_dioxide")


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A finished run of three arms."""
    home = tmp_path_factory.mktemp("liquid")
    run(scan_case(home), home / "out")
    return home / "out"


def torn(folder, arms=ARMS, apart=False) -> TornRecord:
    """The run with cracks, track and tracer; the needle comes from the front."""
    tip = np.array(open_record(folder).about["injection"]["tip_lps_m"])
    return torn_record(folder, arms, apart, entry_lps_m=list(tip + [0.006, -0.018, 0.004]))


@pytest.fixture
def rendered(monkeypatch):
    """Renders the page of a record with the figures of these names only, and without the movie: the rest takes time."""

    def render(record, names=()) -> Page:
        monkeypatch.setattr(page, "GALLERY", [entry for entry in GALLERY if entry.name in names])
        monkeypatch.setattr(page, "_movie", lambda scene: None)
        return Page(page.render(record))

    return render


def text_of(found: Page) -> str:
    return " ".join("".join(found.text).split()).replace("\u202f", " ")


def old(folder) -> TornRecord:
    """The run as versions before this one kept it: no column and no field of what is new."""

    class Old(TornRecord):
        def series(self, arm):
            new = ("liquid_", "tracer_", "track_", "crack_", "hub_", "agent_in_")
            return {k: v for k, v in super().series(arm).items() if not k.startswith(new)}

    record = open_record(folder)
    model = {k: v for k, v in record.about["model"].items() if k not in ("cracks", "crack_memory", "track")}
    injection = {k: v for k, v in record.about["injection"].items() if k != "needles"}
    about = {k: v for k, v in record.about.items() if k != "tracers"}
    return Old(record.folder, about | {"model": model, "injection": injection})


@pytest.mark.parametrize(
    "entry", [entry for entry in GALLERY if entry.name in OF_THE_LIQUID], ids=lambda entry: entry.name
)
def test_a_figure_is_stamped_and_the_same_under_other_settings(entry, folder):
    scene = Scene(torn(folder))
    figure = entry.draw(scene)
    assert isinstance(figure, Figure) and is_stamped(figure)
    first = encoded(figure, entry.kind, 50)
    with matplotlib.rc_context({"lines.linewidth": 9.0, "font.size": 20.0, "svg.hashsalt": "other"}):
        assert encoded(entry.draw(scene), entry.kind, 50) == first


def test_a_record_of_before_has_its_page_without_what_it_lacks(folder, rendered):
    found = rendered(old(folder), OF_THE_LIQUID)
    assert {"liquid", "tracer"}.isdisjoint(found.ids) and "shares" in found.ids
    assert not {f"figure-{name}" for name in OF_THE_LIQUID} & set(found.ids)
    assert "Not in this model: cracks, backflow along the needle, a vessel tree" in text_of(found)


@pytest.mark.parametrize("arms", [ARMS[:1], ARMS])
def test_the_page_has_a_part_for_the_liquid_and_one_for_the_tracer(folder, rendered, arms):
    found = rendered(torn(folder, arms), OF_THE_LIQUID)
    ids = ["curves", "liquid", "tracer", "shares"]
    assert [i for i in found.ids if i in ids] == ids
    assert {f"figure-{name}" for name in OF_THE_LIQUID} <= set(found.ids)
    text = text_of(found)
    assert "44 % in cracks in the tumour" in text and "9 % out at the surface" in text
    assert "A tracer that reacts with nothing (inert tracer) came with the liquid" in text
    assert text.count("with inert tracer at 2 mmol/L") == len(arms)


def test_arms_with_the_same_liquid_are_drawn_and_told_once(folder):
    same, apart = Scene(torn(folder)), Scene(torn(folder, apart=True))
    assert liquid.alike(same) == [ARMS]
    assert liquid.alike(apart) == [ARMS[:2], ARMS[2:]]
    assert len(liquid.liquid_words(same)) == 1 and len(liquid.liquid_words(apart)) == 2
    assert [opened(same, (arm,)) is not None for arm in ARMS] == [True, False, False]
    assert [opened(apart, (arm,)) is not None for arm in ARMS] == [True, False, True]


def test_the_table_holds_the_shares_at_both_ends_and_their_sum(folder):
    scene = Scene(torn(folder))
    table = liquid.liquid_table(scene)
    rows = {row[0]: [cell.replace("\u202f", " ") for cell in row[1:]] for row in table["rows"]}
    assert rows["cracks in the tumour"][0].endswith(f"({100 * AT_STOP['cracks_tumour']:g} %)")
    assert rows["cracks in the tumour"][1] == "0"
    assert rows["blood vessels"][1].endswith(f"({100 * AT_END['vessels']:g} %)")
    assert rows["lymph"][0].endswith("(\u22122 %)")
    assert rows["sum of the above"] == rows["injected"]
    for time, expected in ((scene.end_of_injection, AT_STOP), (scene.about["follow_s"], AT_END)):
        given = liquid.given_at(scene, "vehicle", time)
        assert liquid.shares(scene, "vehicle", time) == pytest.approx({k: given * v for k, v in expected.items()})


def test_a_stack_of_gains_and_losses_ends_at_what_was_injected(folder):
    """The areas above zero less those below are the dashed line."""
    scene = Scene(torn(folder))
    ax = liquid.liquid(scene).axes[0]
    tops = np.array([area.get_paths()[0].get_extents().y1 for area in ax.collections])
    bottoms = np.array([area.get_paths()[0].get_extents().y0 for area in ax.collections])
    dashed = next(line for line in ax.get_lines() if line.is_dashed())
    given = 1e3 * scene.series["vehicle"]["injected_mL"].max()
    assert tops.max() > given > tops.max() + 2 * bottoms.min()
    assert tops.max() + bottoms.min() == pytest.approx(given, rel=1e-6)
    assert max(dashed.get_ydata()) == pytest.approx(given)


@pytest.mark.parametrize("places", [[0.1, 0.11, 0.5], [0.0] * 6, [0.2, 0.9]])
def test_labels_keep_apart_and_in_order(places):
    found = liquid.spread(places, 0.1)
    assert all(b - a > 0.099 for a, b in pairwise(found))
    assert np.mean(found) == pytest.approx(np.mean(places))


def test_swelling_is_what_is_left_of_the_dilatation_without_cracks(folder):
    scene = Scene(torn(folder))
    number = scene.time_index("vehicle", scene.end_of_injection)
    cracks = crack_share(scene, "vehicle", number)
    ratio = scene.field("vehicle", "volume_ratio", number)
    assert cracks[scene.at] > 0.05
    assert swelling(scene, "vehicle", number)[scene.at] == pytest.approx(
        ratio[scene.at] - 1 - cracks[scene.at], rel=1e-5
    )
    bare = Scene(open_record(folder))
    assert crack_share(bare, "vehicle", number) is None


def test_agent_in_cracks_counts_where_it_is_more(folder):
    bare, scene = Scene(open_record(folder)), Scene(torn(folder))
    arm, number = "chlorine_dioxide", scene.time_index("vehicle", scene.end_of_injection)
    pores, both = bare.share(arm, "concentration", number), scene.share(arm, "concentration", number)
    cracks = scene.field(arm, "crack_concentration", number) / scene.about["concentrations_mol_m3"][arm]
    assert np.array_equal(both, np.maximum(pores, cracks)) and (both > pores).any() and (both == pores).any()
    assert scene.reached.sum() > bare.reached.sum()


def test_pictures_are_wide_enough_for_the_cracks(folder):
    bare, with_cracks = Scene(open_record(folder)), Scene(torn(folder))
    assert with_cracks.torn.any() and not bare.torn.any()
    assert with_cracks.torn[tuple(slice(a, b + 1) for a, b in with_cracks.window)].sum() == with_cracks.torn.sum()


def test_a_needle_is_drawn_where_the_record_knows_its_entry(folder):
    assert courses(Scene(old(folder))) == []
    scene = Scene(torn(folder))
    ((tip, entry),) = courses(scene)
    assert np.linalg.norm(entry - tip) == pytest.approx(np.sqrt(0.006**2 + 0.018**2 + 0.004**2))
    axes = opened(scene).axes
    needles = [
        [line for line in ax.get_lines() if line.get_color() == "white" and len(line.get_xdata()) > 300] for ax in axes
    ]
    assert sum(bool(lines) for lines in needles) == 3  # one column of three planes
    # axial, seen from the feet: the front is up and the patient's left is on the right
    line = next(lines for lines in needles if lines)[0]
    x, y = line.get_xdata(), line.get_ydata()
    there = ~np.isnan(x)
    assert np.diff(x[there]).max() >= 0 and np.diff(y[there]).min() >= 0 and there.any()


def test_the_tracer_is_told_in_volumes_and_shares(folder):
    scene = Scene(torn(folder))
    assert tracer.with_tracer(scene) == ARMS[:1]  # the same in all
    assert tracer.compared(scene) == ("inert_tracer", "chlorine_dioxide")
    rows = {row[0]: [c.replace("\u202f", " ") for c in row[1:]] for row in tracer.tracer_table(scene)["rows"]}
    assert rows["volume at or above 1 % of the injected, over V_i"][0] == "68 \u00b5L (3.4)"
    assert rows["seen in the tumour"] == ["60 %", "60 %"]
    assert rows["in the needle track"] == ["2 %", "0 %"]
    assert tracer.tracer_table(Scene(old(folder))) is None


def test_a_synthetic_lesion_is_the_first_thing_to_distrust(folder, rendered):
    record = torn(folder)
    assert "SYNTHETIC LESION" not in text_of(rendered(record))
    subject = record.about["subject"] | {"statement": f"{record.about['subject']['statement']}; {SYNTHETIC_LESION}"}
    text = text_of(rendered(TornRecord(record.folder, record.about | {"subject": subject}, ARMS)))
    first = text.index("What to distrust")
    assert first < text.index("SYNTHETIC LESION") < text.index("What the model answers")


def test_figures_of_one_arm_are_written_by_arm(folder, tmp_path):
    record = torn(folder, apart=True)
    names = sorted(path.name for path in save_figures(record, tmp_path, ("liquid", "opened")))
    assert names == ["liquid.svg", "opened_chlorine_dioxide.png", "opened_inert_tracer.png"]


def test_every_place_has_a_colour_of_its_own():
    assert len(set(liquid._COLOURS.values())) == len(PLACES) == len(liquid._COLOURS)
    assert list(liquid._COLOURS) == list(PLACES)
    light = [np.dot(matplotlib.colors.to_rgb(c), (0.2126, 0.7152, 0.0722)) for c in liquid._COLOURS.values()]
    assert min(abs(a - b) for a, b in pairwise(light)) > 0.1  # neighbours in a grey print


def test_an_export_names_the_pots(folder):
    data = torn(folder).fields("vehicle")
    found = fields_at(data, 1)
    assert "tracer" in found and "fluid_fraction" not in found
    for number, pot in enumerate(("pores", "cracks")):
        values, unit, what = found[f"fluid_fraction_{pot}"]
        assert np.array_equal(values, data["fluid_fraction"].values[1, number])
        assert unit == "1" and what.endswith(f", {pot}")
    assert "fluid_fraction" in fields_at(open_record(folder).fields("vehicle"), 1)


def test_agent_that_came_out_is_told(folder):
    class Leaking(TornRecord):
        def summary(self, arm):
            found = super().summary(arm)
            given = found["outcomes"].get("agent_given_mol", 0.0)
            lost = found["outcomes"].get("agent_lost_mol", {}) | {"track exit": 0.25 * given}
            return found | {"outcomes": found["outcomes"] | {"agent_lost_mol": lost}}

    record = torn(folder)
    scene = Scene(Leaking(record.folder, record.about, ARMS))
    said = " ".join(answers.answer(scene, "chlorine_dioxide").sentences).replace("\u202f", " ")
    assert "25 % of it came out at the surface" in said
    assert "came out" not in " ".join(answers.answer(Scene(record), "chlorine_dioxide").sentences)


def test_every_needle_is_set_up_with_its_openings(folder):
    record = torn(folder)
    one = {
        "hub": 0, "tip_lps_m": [0.001, 0.0, 0.0], "entry_lps_m": [0.001, -0.03, 0.0], "outer_radius_m": 3.6e-4,
        "openings_lps_m": [[0.001, -0.002, 0.0], [0.001, -0.004, 0.0]], "length_m": 0.1,
    }  # fmt: skip
    two = one | {"openings_lps_m": [[0.004, 0.0, 0.0]], "tip_lps_m": [0.004, 0.0, 0.0]}
    about = record.about | {"injection": record.about["injection"] | {"needles": [one, two]}}
    scene = Scene(TornRecord(record.folder, about, ARMS))
    words = dict(page.setup_rows(scene))["Needles"]
    assert words[0].startswith("2 side holes at (1.0, -2.0, 0.0); (1.0, -4.0, 0.0) mm LPS")
    assert words[1].startswith("end hole at (4.0, 0.0, 0.0) mm LPS") and "cavity radius" in words[1]
    assert len(courses(scene)) == 2


def test_a_tracer_owes_the_level_at_which_it_is_counted(folder):
    assert "bobo-1994" in [reference.key for reference in citation.cite(torn(folder))]
    assert "bobo-1994" not in [reference.key for reference in citation.cite(old(folder))]


def test_what_a_run_owes_is_told_without_its_series(folder, monkeypatch):
    """An arm that was killed early, or a series that is large, does not matter to it."""
    monkeypatch.setattr(TornRecord, "series", lambda record, arm: pytest.fail("read"))
    assert "bobo-1994" in [reference.key for reference in citation.cite(torn(folder))]


@pytest.mark.parametrize(
    ("model", "named"),
    [
        ({"cracks": "none", "track": "tight"}, ()),
        ({"cracks": "cubic", "track": "tight"}, ("fracture pressure", "crack length", "crack spacing")),
        ({"cracks": "none", "track": "gap"}, ("contact stress",)),
    ],
)
def test_what_decides_with_cracks_or_a_gap_is_said_where_nobody_has_measured_it(folder, model, named):
    record = torn(folder)
    new = ("fracture_pressure", "crack_length", "crack_spacing", "contact_stress")
    grades = {row["key"]: row["grade"] for row in record.about["parameters"]}
    assert {grades[f"tumour_viable.{name}"] for name in new} == {"unknown"}
    scene = Scene(TornRecord(record.folder, record.about | {"model": record.about["model"] | model}, ARMS))
    said = " ".join(answers.firmness(scene))
    assert tuple(name.replace("_", " ") for name in new if name.replace("_", " ") in said) == named


def test_reached_is_said_to_count_pores_or_cracks_where_there_are_both(folder):
    record = torn(folder)
    plain = TornRecord(record.folder, record.about | {"model": record.about["model"] | {"cracks": "none"}}, ARMS)
    both, one = (" ".join(answers.answer(Scene(r), "inert_tracer").sentences) for r in (record, plain))
    assert "fluid in pores or cracks with more than" in both and "pores or cracks" not in one


def test_refused_steps_are_counted_beside_those_taken(folder):
    class Refused(TornRecord):
        def summary(self, arm):
            return super().summary(arm) | {"refused_steps": 17}

    record = torn(folder)
    for kind, told in ((Refused, "17"), (TornRecord, "0")):
        scene = Scene(kind(record.folder, record.about, ARMS))
        rows = {row[0]: row[1:] for row in tables.number_table(scene)["rows"]}
        assert rows["refused steps"][: len(ARMS)] == [told] * len(ARMS)
        assert rows["flow steps"][0] == str(scene.summaries[ARMS[0]]["flow_steps"])
