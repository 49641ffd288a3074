"""Needles, drives, cracks and tracers that cannot be: one sentence each; what is doubtful is said before the run."""

import pytest
from cases import small_data, write_case
from hypothesis import given, settings
from hypothesis import strategies as st
from needle_cases import HAND, OTHER, SITES, TUBE, ready, tube, tube_and
from shell import assert_refused, files_under, oxablate

from oxablate.protocol.case import parse_case
from oxablate.quantities.refusal import BadInput

RIGHT = {"volume": "20 uL", "flow_rate": "10 uL/min"}
REFUSED = {
    "no tip": (dict(needle={"cavity_radius": "0.35 mm"}), "needle", "'tip' is missing"),
    "tip and sites": (tube(sites=SITES["sites"]), "needle", "'sites'", "one or the other"),
    "one site": (dict(needle=SITES | {"sites": {"count": 1, "approach": [0, -1, 0]}}), "needle.sites.count", "2"),
    "sixty sites": (dict(needle=SITES | {"sites": {"count": 60, "approach": [0, 1, 0]}}), "60 came, less than 51"),
    "sites without tube": (
        dict(needle={k: v for k, v in SITES.items() if k not in ("gauge", "length")}),
        "several needles came without a tube and its way; add 'gauge' and 'length'\n",
    ),
    "an approach of nothing": (
        dict(needle=SITES | {"sites": {"count": 4, "approach": [0, 0, 0]}}),
        "approach",
        "nowhere",
    ),
    "an approach of two": (
        dict(needle=SITES | {"sites": {"count": 4, "approach": [0, 1]}}),
        "approach",
        "three numbers",
    ),
    "a needle too short for the sites": (
        tube_and(needle=SITES | {"length": "8 mm"}, injection__needles="at_once"),
        "does not reach",
        "longer",
    ),
    "entry at the centroid": (tube(entry="centroid"), "needle", "'centroid' is no entry"),
    "entry in words": (tube(entry="skin"), "needle.entry", "'skin' is no place; write three lengths"),
    "another without a tip": (
        tube_and(needle=TUBE["needle"] | {"others": [{**OTHER, "tip": None}]}, injection__needles="at_once"),
        "needle.others.0: the key 'tip' is missing",
    ),
    "another without an entry": (
        tube_and(needle=TUBE["needle"] | {"others": [{**OTHER, "entry": None}]}, injection__needles="at_once"),
        "needle.others.0: the key 'entry' is missing",
    ),
    "another outside": (
        tube_and(
            needle=TUBE["needle"] | {"others": [OTHER, {"tip": ["60 mm"] * 3, "entry": ["5 mm"] * 3}]},
            injection__needles="at_once",
        ),
        "needle.others.1.tip: ",
        "outside the grid",
    ),
    "gauge without length": (tube(length=None), "needle", "'length' is missing"),
    "length without gauge": (tube(gauge=None), "needle", "'gauge' is missing"),
    "a gauge that is not": (tube(gauge=19), "needle", "gauge 19", "did you mean"),
    "a gauge in words": (tube(gauge="22"), "needle.gauge", "whole number"),
    "a gauge of nothing": (tube(gauge=-3), "needle.gauge"),
    "longer inside than the tube": (tube(length="10 mm"), "needle", "0.015 m lie in the body", "longer"),
    "cavity as long as the needle": (tube(cavity_radius="10 mm", entry=["0 mm", "-5 mm", "0 mm"]), "needle", "cavity"),
    "entry is the tip": (tube(entry=["0 mm"] * 3), "needle", "two different points"),
    "several without a word": (tube(others=[OTHER]), "several needles", "one_hub"),
    "in turn with one": (tube_and(injection=RIGHT | {"needles": "in_turn", "change": "1 s"}), "in_turn", "one needle"),
    "at once with one": (tube_and(injection=RIGHT | {"needles": "at_once"}), "at_once", "one needle"),
    "in turn without a change": (
        tube_and(needle=TUBE["needle"] | {"others": [OTHER]}, injection=RIGHT | {"needles": "in_turn"}),
        "injection",
        "'change' is missing",
    ),
    "a change at once": (
        tube_and(
            needle=TUBE["needle"] | {"others": [OTHER]}, injection=RIGHT | {"needles": "at_once", "change": "1 s"}
        ),
        "injection",
        "'change'",
        "in_turn",
    ),
    "two in one place": (
        tube_and(needle=TUBE["needle"] | {"others": [{**OTHER, "tip": "centroid"}]}, injection__needles="at_once"),
        "needle",
        "0 mm apart",
        "less than a voxel",
    ),
    "closer than a voxel": (
        tube_and(
            needle=TUBE["needle"] | {"others": [{**OTHER, "tip": ["1 mm", "0 mm", "0 mm"]}]},
            injection__needles="at_once",
        ),
        "needle",
        "1 mm apart",
        "smaller voxels",
    ),
    "side holes without tube": (
        dict(
            needle={
                "tip": "centroid",
                "cavity_radius": "0.35 mm",
                "side_holes": {"distances": ["2 mm"], "radii": ["0.1 mm"]},
            }
        ),
        "needle",
        "side holes",
        "'gauge'",
    ),
    "holes closer than a voxel": (
        tube(side_holes={"distances": ["2 mm", "3 mm"], "radii": ["0.1 mm"] * 2}),
        "needle",
        "1 mm apart",
        "voxel",
    ),
    "holes that overlap": (
        tube(side_holes={"distances": ["2 mm", "2.1 mm"], "radii": ["0.1 mm"] * 2}),
        "needle",
        "overlap",
    ),
    "a hole wider than the tube": (tube(side_holes={"distances": ["2 mm"], "radii": ["1 mm"]}), "needle", "lumen"),
    "a hole outside the body": (tube(side_holes={"distances": ["40 mm"], "radii": ["0.1 mm"]}), "needle", "inserted"),
    "a hole in air": (
        tube(
            tip=["0 mm", "-6 mm", "0 mm"],
            entry=["0 mm", "-25 mm", "0 mm"],
            side_holes={"distances": ["2 mm", "10 mm"], "radii": ["0.1 mm"] * 2},
        ),
        "needle: side holes",
        "10 mm from the tip lies in air",
    ),
    "holes without radii": (
        tube(side_holes={"distances": ["2 mm", "6 mm"], "radii": ["0.1 mm"]}),
        "side_holes",
        "radius",
    ),
    "holes in no list": (tube(side_holes={"distances": "2 mm", "radii": "0.1 mm"}), "distances", "list"),
    "a withdrawal with side holes": (
        tube(
            side_holes={"distances": ["2 mm"], "radii": ["0.1 mm"]},
            withdrawal={"times": ["0 s", "9 s"], "distances": ["0 mm", "4 mm"]},
        ),
        "needle",
        "side holes",
        "drawn back",
    ),
    "a withdrawal in turn": (
        tube_and(
            needle=TUBE["needle"]
            | {"others": [OTHER], "withdrawal": {"times": ["0 s", "9 s"], "distances": ["0 mm", "4 mm"]}},
            injection=RIGHT | {"needles": "in_turn", "change": "1 s"},
        ),
        "in turn",
        "withdrawal",
    ),
    "a withdrawal out of the body": (
        tube(withdrawal={"times": ["0 s", "9 s"], "distances": ["0 mm", "16 mm"]}),
        "withdrawal",
        "out of the body",
    ),
    "a withdrawal that pushes in": (
        tube(withdrawal={"times": ["0 s", "9 s", "12 s"], "distances": ["0 mm", "4 mm", "2 mm"]}),
        "withdrawal",
        "never fall",
    ),
    "a withdrawal backwards in time": (
        tube(withdrawal={"times": ["9 s", "0 s"], "distances": ["0 mm", "4 mm"]}),
        "withdrawal",
        "grow",
    ),
    "a withdrawal begun before": (
        tube(withdrawal={"times": ["0 s", "9 s"], "distances": ["1 mm", "4 mm"]}),
        "withdrawal",
        "'0 mm'",
    ),
    "a withdrawal of one time": (
        tube(withdrawal={"times": ["0 s"], "distances": ["0 mm"]}),
        "withdrawal",
        "two or more",
    ),
    "neither pump nor hand": (dict(injection={"volume": "1 uL"}), "injection", "'flow_rate' is missing"),
    "hand and pump": (tube_and(injection=RIGHT | {"hand": HAND}), "injection", "cannot both drive"),
    "a hand without tube": (dict(injection={"volume": "20 uL", "hand": HAND}), "hand", "'gauge'"),
    "a hand in turn": (
        tube_and(
            needle=TUBE["needle"] | {"others": [OTHER]},
            injection={"volume": "20 uL", "hand": HAND, "needles": "in_turn", "change": "1 s"},
        ),
        "injection",
        "no hand",
    ),
    "a hand that cannot push": (
        tube_and(injection={"volume": "20 uL", "hand": HAND | {"free_rate": "0 mL/s"}}),
        "free_rate",
        "range",
    ),
    "a hand without strength": (
        tube_and(injection={"volume": "20 uL", "hand": HAND | {"stall_pressure": "-1 kPa"}}),
        "below zero",
    ),
    "phases and a rate": (
        dict(injection={"phases": [{"pause": "1 s"}], "flow_rate": "1 mL/h"}),
        "injection",
        "own flow rates",
    ),
    "phases and a volume": (dict(injection=RIGHT | {"phases": [{"pause": "1 s"}]}), "injection", "exactly one"),
    "phases that give nothing": (dict(injection={"phases": [{"dwell": "1 s"}]}), "injection", "gives nothing"),
    "a pause at the end": (
        dict(injection={"phases": [{"give": "1 uL", "flow_rate": "1 uL/min"}, {"pause": "1 s"}]}),
        "injection",
        "dwell",
    ),
    "phases without end": (
        dict(injection={"phases": [{"give": "1 nL", "flow_rate": f"{n} uL/min"} for n in range(1, 102)]}),
        "injection.phases: 101 entries came, at most 100 are allowed",
    ),
    "a phase of two kinds": (
        dict(injection={"phases": [{"give": "1 uL", "flow_rate": "1 uL/min", "pause": "1 s"}]}),
        "phases.0",
        "exactly one",
    ),
    "a phase without rate": (dict(injection={"phases": [{"give": "1 uL"}]}), "phases.0", "'flow_rate' is missing"),
    "a pause with a rate": (
        dict(injection={"phases": [{"pause": "1 s", "flow_rate": "1 uL/min"}]}),
        "phases.0",
        "remove",
    ),
    "a rate of nothing": (dict(injection__flow_rate="0 mL/h"), "injection.flow_rate", "allowed range"),
    "a negative rate": (dict(injection__flow_rate="-3 mL/h"), "injection.flow_rate", "below zero"),
    "more than the body part": (dict(injection__volume="200 mL"), "injection", "200 mL is more than the body part"),
    "twenty tumours": (
        dict(injection={"fraction_of_tumour": "1900 %", "flow_rate": "1 mL/h"}),
        "injection",
        "body part",
    ),
    "rigid pores that crack": (dict(model__pores="rigid", model__cracks="cubic"), "model", "rigid pores cannot crack"),
    "a gap beside rigid pores": (
        tube_and(model__pores="rigid", model__track="gap"),
        "'track: gap' came with rigid pores",
    ),
    "a hand against rigid pores": (
        tube_and(model__pores="rigid", injection={"volume": "1 uL", "hand": HAND}),
        "a hand came with rigid pores",
        "write 'pores: opening'",
    ),
    "a memory of nothing": (dict(model__crack_memory="non_local"), "model", "nothing to remember"),
    "a gap without tube": (dict(model__track="gap"), "'track: gap'", "'gauge'"),
    "cracks of another law": (dict(model__cracks="cubik"), "model.cracks", "did you mean 'cubic'"),
    "too low a ceiling": (
        dict(parameters__override={"mechanics.crack_ceiling": "1e-10 m^2/(Pa s)"}),
        "crack_ceiling",
        "at least 1e-09",
    ),
    "tissue without compression": (
        dict(parameters__override={"host.poisson_ratio": "50 %"}),
        "host",
        "Poisson",
        "below one half",
    ),
    "tissue that is cracked": (
        dict(parameters__override={"host.fracture_pressure": "0 Pa"}),
        "host.fracture_pressure",
        "above zero",
    ),
    "tissue that conducts less than any": (
        dict(parameters__override={"host.hydraulic_conductivity": "1e-300 m^2/(Pa s)"}),
        "host.hydraulic_conductivity",
        "less than 1e-19 m^2/(Pa s)",
        "check the number and its unit",
    ),
    "tissue that cracks at rest": (
        tube_and(
            parameters__override={"host.fracture_pressure": "5 Pa", "skin.fracture_pressure": "5 Pa"},
            model__cracks="cubic",
        ),
        "the pressure at rest",
        "raise its fracture pressure",
    ),
    "liquid that is none": (dict(parameters__override={"mechanics.viscosity": "0 Pa s"}), "viscosity", "above zero"),
    "a tracer that reacts": (
        dict(tracer={"agent": "chlorine_dioxide", "concentration": "1 g/L"}),
        "tracer.agent",
        "reacts",
    ),
    "a tracer of nothing": (dict(tracer={"agent": "vehicle", "concentration": "1 g/L"}), "tracer", "leave it out"),
    "a tracer without strength": (dict(tracer={"agent": "inert_tracer"}), "tracer.concentration", "missing"),
    "a tracer misspelt": (
        dict(tracer={"agent": "inert_trace", "concentration": "1 g/L"}),
        "tracer.agent",
        "did you mean",
    ),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_cannot_be_is_refused_in_one_sentence(tmp_path, name):
    changes, *fragments = REFUSED[name]
    case = write_case(tmp_path / "mine.yaml", **{k: _without_none(v) for k, v in changes.items()})
    before = files_under(tmp_path)
    assert_refused(oxablate("inspect", case), "mine.yaml: ", *fragments)
    assert files_under(tmp_path) == before


def _without_none(value):
    return {k: v for k, v in value.items() if v is not None} if isinstance(value, dict) else value


# -- warnings --------------------------------------------------------------------------------------------------------


def test_what_is_doubtful_is_said_before_the_run_and_kept(tmp_path):
    """A tip beside the skin whose cavity reaches into tissue, and a needle that leaves the grid before the body."""
    wide = tube(cavity_radius="5 mm", tip=["0 mm", "-15.5 mm", "0 mm"]) | dict(model__track="tight")
    del wide["needle"]["entry"], wide["needle"]["gauge"], wide["needle"]["length"]
    said = oxablate("inspect", write_case(tmp_path / "air.yaml", **wide))
    assert said.status == 0 and "the needle opens in air" in said.out and "is lost" in said.out
    side = tube(entry=["0 mm", "0 mm", "-40 mm"])
    setting = ready(**side)
    assert any("the grid ends" in note and "lost at the surface" in note for note in setting.subject.origin.notes)
    assert "the grid ends" in oxablate("inspect", write_case(tmp_path / "side.yaml", **side)).out


def test_an_entry_inside_the_body_is_said():
    """A needle that begins in tissue: what comes back there would count as lost at the skin."""
    said = {}
    for name, entry in {"skin": -13.0, "deep": -6.0, "tight": -6.0}.items():
        changes = tube(entry=["0 mm", f"{entry} mm", "0 mm"]) | dict(model__track="tight" if name == "tight" else "gap")
        said[name] = " ".join(ready(**changes).subject.origin.notes)
    assert "(0.0, -6.0, 0.0) mm LPS, 6 mm up the needle, lies inside the body" in said["deep"]
    assert "inside the body" not in said["skin"] and "inside the body" not in said["tight"]
    face = ready(**tube(entry=["0 mm", "16 mm", "0 mm"]))  # the grid's last voxel
    assert any("the grid ends 16 mm up the needle" in note for note in face.subject.origin.notes)


def test_a_run_that_ends_too_soon_for_its_drives_is_said(tmp_path):
    late = oxablate("inspect", write_case(tmp_path / "a.yaml", injection=RIGHT | {"start": "3 min"}))
    assert "the run ends before the first drive starts; nothing is given" in late.out and "only a part" not in late.out
    part = oxablate("inspect", write_case(tmp_path / "b.yaml", injection=RIGHT | {"start": "2 min"}))
    assert "only a part of the volume is given" in part.out and "nothing is given" not in part.out
    slow = tube(withdrawal={"times": ["0 s", "4 min"], "distances": ["0 mm", "4 mm"]})
    words = "the run ends before the needles are drawn back"
    assert words in oxablate("inspect", write_case(tmp_path / "c.yaml", **slow)).out
    assert words not in part.out


def test_inspect_says_needles_drives_cracks_and_track(tmp_path):
    changes = tube_and(
        needle=TUBE["needle"] | {"others": [OTHER]}, injection=RIGHT | {"needles": "at_once"},
        tracer={"agent": "inert_tracer", "concentration": "1 g/L"}, model__cracks="cubic",
    )  # fmt: skip
    said = oxablate("inspect", write_case(tmp_path / "mine.yaml", **changes))
    assert said.status == 0 and said.out.count("\nNeedle  tip at") == 2 and said.out.count("\nPump    10 uL") == 2
    for words in ("22 gauge (0.718 mm wide)", "Cracks  cubic law", "Track   a gap opens", "with inert_tracer at 1 g/L"):
        assert words in said.out, words
    assert "cracks are not in this model" not in said.out and "voxels on, statistics" in said.out
    hand = tube_and(injection={"volume": "1 mL", "hand": HAND})
    assert "the hand stalls at 300 kPa" in oxablate("inspect", write_case(tmp_path / "hand.yaml", **hand)).out
    plain = oxablate(
        "inspect", write_case(tmp_path / "plain.yaml", injection__flow_rate="1 mL/min", injection__volume="1 mL")
    )
    assert "cracks are not in this model, by the case's choice" in plain.out and "Cracks  none" in plain.out


WORDS = st.sampled_from(
    ["", "x", "5 mm", "-1 mm", "centroid", "nan mm", "0", None, True, -1, 0, 22, 1e300, [], {}, ["1 mm"] * 3]
)
KEYS = st.sampled_from(
    ["tip", "entry", "frame", "others", "sites", "gauge", "length", "cavity_radius", "side_holes", "withdrawal"]
)
DRIVES = st.sampled_from(["volume", "flow_rate", "hand", "phases", "needles", "change", "start", "fraction_of_tumour"])


@given(st.dictionaries(KEYS, WORDS, max_size=3), st.dictionaries(DRIVES, WORDS, max_size=3))
@settings(max_examples=150, deadline=None)
def test_whatever_is_written_is_read_or_refused_in_a_sentence(needle, injection):
    data = small_data(**tube_and(needle=TUBE["needle"] | needle))
    data["injection"] = RIGHT | injection
    try:
        parse_case(data, "mine.yaml")
    except BadInput as refused:
        assert str(refused).startswith("mine.yaml: ") and "\n" not in str(refused)
