"""Needles, drives, cracks and tracers that cannot be: one sentence each; what is doubtful is said before the run."""

import pytest
from cases import small_data, write_case
from hypothesis import given, settings
from hypothesis import strategies as st
from needle_cases import HAND, OTHER, SITES, TUBE, ready, tube, tube_and
from shell import assert_refused, files_under, oxablate
from test_cli_scans import labels, write_scan

from oxablate.protocol.case import parse_case
from oxablate.quantities.refusal import BadInput
from oxablate.space.image import Image

RIGHT = {"volume": "20 uL", "flow_rate": "10 uL/min"}
REFUSED = {
    "no tip": (dict(needle={"cavity_radius": "0.35 mm"}), "needle", "'tip' is missing"),
    "tip and sites": (tube(sites=SITES["sites"]), "needle", "'sites'", "one or the other"),
    "one site": (dict(needle=SITES | {"sites": {"count": 1, "approach": [0, -1, 0]}}), "needle.sites.count", "2"),
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


# -- scans: bone and vessels -------------------------------------------------------------------------------------------


def drawn(bone=2, vessel=False) -> Image:
    """The tumour with a sheet of bone across the image, beyond the computing grid, and a vessel in its middle."""
    plain = labels()
    values = plain.data.copy()
    values[bone] = 2
    if vessel:
        values[9:12, 9:12, 9:12] = 3
    return Image(values, plain.geometry)


NAMES = {1: "tumour_viable", 2: "host", 3: "large_vessel"}
NEEDLE = {"tip": ["10 mm", "10 mm", "10 mm"], "frame": "LPS", "gauge": 22, "length": "90 mm"}
FROM_BELOW, FROM_ABOVE = ["0.5 mm", "10 mm", "10 mm"], ["19 mm", "10 mm", "10 mm"]


def scan(folder, entry, bone=(2,), vessel=False, **needle):
    """A case with a scan of its own, a needle in it, and bone."""
    return write_scan(
        folder, None, drawn(vessel=vessel), NEEDLE | {"entry": entry} | needle, label_names=NAMES, bone=list(bone)
    )


def test_a_needle_through_bone_is_refused_also_beyond_the_grid(tmp_path):
    assert_refused(
        oxablate("inspect", scan(tmp_path / "a", FROM_BELOW)), "mine.yaml: ", "needle", "through bone", "another entry"
    )
    assert oxablate("inspect", scan(tmp_path / "b", FROM_ABOVE)).status == 0
    assert oxablate("inspect", scan(tmp_path / "c", FROM_BELOW, bone=())).status == 0
    plain = {"gauge": None, "length": None}
    case = scan(tmp_path / "d", FROM_BELOW)
    text = "".join(line for line in case.read_text().splitlines(True) if not line.strip().startswith((*plain, "track")))
    case.write_text(text)
    assert_refused(oxablate("inspect", case), "through bone")


def test_bone_that_nobody_drew_is_refused(tmp_path):
    case = scan(tmp_path / "a", FROM_ABOVE, bone=(7,))
    assert_refused(oxablate("inspect", case), "mine.yaml: subject.scan.bone", "no segment 7", "[1, 2]")


def test_a_tip_in_a_large_vessel_is_warned_of_and_kept(tmp_path):
    from oxablate.protocol.stages import inspect

    case = scan(tmp_path / "a", FROM_ABOVE, vessel=True)
    said = oxablate("inspect", case)
    assert said.status == 0 and "opens inside a large vessel" in said.out
    assert any("large vessel" in note for note in inspect(case).setting.subject.origin.notes)
