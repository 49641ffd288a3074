"""Cases under attack: each is refused with one sentence that names file and key, before anything is written."""

import pytest
from cases import small_data, write_case
from shell import assert_refused, files_under, oxablate

NEAR = "did you mean"
RECIPE = small_data()["subject"]["phantom"]["recipe"]
LOBES = {"kind": "lobulated", "radius": "5 mm", "amplitude": 0.2, "lobes": 3, "seed": 1}
FIELD = {"kind": "log_normal", "log_variance": 0.2, "correlation_length": "6 mm", "seed": 5}
CLO2 = {"agent": "chlorine_dioxide", "concentration": "3 g/L"}

SKIN_DEEP = {"host": "liver", "margin": "8 mm", "skin": {"kind": "skin", "depth": "3 mm", "thickness": "1 mm"}}


def recipe(**parts) -> dict:
    return {"subject__phantom__recipe": RECIPE | parts}


def concentration(text) -> dict:
    return {"arms": [{"agent": "chlorine_dioxide", "concentration": text}]}


def check(tmp_path, changes: dict, fragments: tuple) -> None:
    """Refused by inspect and by run, in the same words, and nothing is written."""
    case = write_case(tmp_path / "mine.yaml", **changes)
    before = files_under(tmp_path)
    said = oxablate("inspect", case)
    assert_refused(said, "mine.yaml: ", *fragments)
    again = oxablate("run", case, "--out", tmp_path / "out")
    assert (again.status, again.out, again.err) == (said.status, said.out, said.err)
    assert files_under(tmp_path) == before


MISSPELT = {
    "top": (dict(titel="x"), "titel", NEAR, "'title'"),
    "subject": (dict(subject__phantm={}), "subject.phantm", NEAR, "'phantom'"),
    "phantom": (dict(subject__phantom__spacng="1 mm"), "subject.phantom.spacng", NEAR, "'spacing'"),
    "recipe": (recipe(cor="none"), "subject.phantom.recipe", "'cor'", NEAR, "'core'"),
    "shape": (recipe(shape={"kind": "elipsoid"}), "recipe.shape.kind", NEAR, "'ellipsoid'"),
    "axes": (recipe(shape={"kind": "ellipsoid", "semi_axis": 1}), "recipe.shape", NEAR, "'semi_axes'"),
    "parameters": (dict(parameters__sett="x"), "parameters.sett", NEAR, "'set'"),
    "set": (dict(parameters__set="generic-tumor"), "parameters.set", NEAR, "'generic-tumour'"),
    "tissue": (
        dict(parameters__override={"tumor_viable.porosity": "20 %"}),
        *("parameters.override", NEAR, "'tumour_viable.porosity'"),
    ),
    "parameter": (
        dict(parameters__override={"tumour_viable.porositty": "20 %"}),
        *("parameters.override", NEAR, "'tumour_viable.porosity'"),
    ),
    "needle": (dict(needle__tipp="centroid"), "needle.tipp", NEAR, "'tip'"),
    "tip": (dict(needle__tip="centriod"), "needle.tip", "'centroid'"),
    "injection": (dict(injection__flowrate="1 mL/h"), "injection.flowrate", NEAR, "'flow_rate'"),
    "arm": (dict(arms=[CLO2 | {"concentraton": "3 g/L"}]), "arms.0.concentraton", NEAR, "'concentration'"),
    "agent": (dict(arms=[CLO2, {"agent": "vehicel"}]), "arms.1.agent", NEAR, "'vehicle'"),
    "model": (dict(model__pore="rigid"), "model.pore", NEAR, "'pores'"),
    "pores": (dict(model__pores="rigd"), "model.pores", NEAR, "'rigid'"),
    "injury": (dict(model__injury="thiol"), "model.injury", NEAR, "'thiol_loss'"),
    "output": (dict(output__evry="1 min"), "output.evry", NEAR, "'every'"),
}


@pytest.mark.parametrize("name", MISSPELT)
def test_a_misspelt_word_is_answered_with_the_nearest(tmp_path, name):
    changes, *fragments = MISSPELT[name]
    check(tmp_path, changes, tuple(fragments))


QUANTITIES = {
    "injection__volume": "volume",
    "injection__flow_rate": "flow rate",
    "injection__start": "time",
    "injection__fraction_of_tumour": "fraction",
    "needle__cavity_radius": "length",
    "follow": "time",
    "output__every": "time",
    "subject__phantom__spacing": "length",
    "subject__phantom__recipe__surroundings__margin": "length",
}
UNIT = {"volume": "mL", "flow rate": "mL/h", "time": "min", "length": "mm", "fraction": "%"}


@pytest.mark.parametrize("key", QUANTITIES)
@pytest.mark.parametrize("text", ["5 mol", "5 furlong^4"])
def test_a_quantity_of_another_kind_is_refused(tmp_path, key, text):
    kind = QUANTITIES[key]
    check(tmp_path, {key: text}, (key.replace("__", "."), repr(text), f"a {kind} such as", "is needed"))


@pytest.mark.parametrize("key", QUANTITIES)
@pytest.mark.parametrize("text", ["nan {}", "inf {}", "{}", "1,5 {}", "1e999 {}", True, []])
def test_what_is_no_quantity_is_refused(tmp_path, key, text):
    written = text.format(UNIT[QUANTITIES[key]]) if isinstance(text, str) else text
    check(tmp_path, {key: written}, (key.replace("__", "."), str(written), "write for example"))


@pytest.mark.parametrize("key", [key for key, kind in QUANTITIES.items() if kind != "fraction"])
def test_a_number_without_unit_is_refused(tmp_path, key):
    check(tmp_path, {key: 5}, (key.replace("__", "."), "has no unit", "example"))


ABSURD = {
    "injection__volume": ("5 m^3", "0.1 nL to 1 L"),
    "injection__flow_rate": ("1 m^3/s", "allowed range"),
    "injection__start": ("1e9 d", "370 d"),
    "needle__cavity_radius": ("1 m", "50 um to 10 mm"),
    "follow": ("0 s", "10 ms to 370 d"),
    "output__every": ("1 us", "10 ms to 370 d"),
    "subject__phantom__spacing": ("1 nm", "50 um to 20 mm"),
    "subject__phantom__recipe__surroundings__margin": ("1e5 km", "longer than 1 m"),
}


@pytest.mark.parametrize("key", ABSURD)
def test_an_absurd_quantity_is_answered_with_the_range(tmp_path, key):
    text, allowed = ABSURD[key]
    check(tmp_path, {key: text}, (key.replace("__", "."), repr(text), allowed))


@pytest.mark.parametrize("key", [key for key in ABSURD if "recipe" not in key])
def test_what_is_below_zero_is_answered_with_the_range(tmp_path, key):
    text = f"-5 {UNIT[QUANTITIES[key]]}"
    check(tmp_path, {key: text}, (key.replace("__", "."), repr(text), "below zero", ABSURD[key][1]))


#: Numbers with a slip of a unit: of which key, what came, and the end of what is allowed.
SLIPS = {
    "square metres for square millimetres": ("tumour_viable.hydraulic_conductivity", "1 m^2/(Pa s)", "0 to 2e-08"),
    "an exchange in no time": ("host.exchange_rate", "1e9 1/s", "0 to 430"),
    "a pressure far below rest": ("host.oncotic_difference", "-1e9 Pa", "-1.33e+07 to 1.33e+07 Pa"),
}


@pytest.mark.parametrize("name", SLIPS)
def test_an_override_far_from_the_tables_is_answered_with_the_range(tmp_path, name):
    key, text, allowed = SLIPS[name]
    check(tmp_path, {"parameters__override": {key: text}}, ("parameters.override", key, repr(text), allowed, "unit"))


TIP = dict(needle__frame="LPS")
CONTRADICTIONS = {
    "tip without frame": (dict(needle__tip=["0 mm"] * 3), "needle", "frame: LPS"),
    "entry without frame": (dict(needle__entry=["0 mm"] * 3), "needle", "frame: LPS"),
    "frame in small letters": (dict(needle__frame="lps"), "needle.frame", "'LPS'"),
    "tip outside the grid": (
        TIP | dict(needle__tip=["0 mm", "0 mm", "90 mm"]),
        "needle.tip",
        "outside the grid",
        "-15",
    ),
    "tip in air": (TIP | dict(needle__tip=["0 mm", "-15 mm", "0 mm"]) | recipe(surroundings=SKIN_DEEP), "in air"),
    "tip too far": (TIP | dict(needle__tip=["0 mm", "0 mm", "90 m"]), "needle.tip", "2 m"),
    "tip of two": (TIP | dict(needle__tip=["0 mm", "0 mm"]), "needle.tip", "three lengths"),
    "tip nan": (TIP | dict(needle__tip=["nan mm", "0 mm", "0 mm"]), "needle.tip", "finite"),
    "fraction and volume": (dict(injection__fraction_of_tumour="20 %"), "injection", "exactly one"),
    "neither of them": (dict(injection={"flow_rate": "1 mL/h"}), "injection", "exactly one"),
    "same agent twice": (dict(arms=[CLO2, dict(CLO2)]), "'chlorine_dioxide'", "twice"),
    "no arms": (dict(arms=[]), "arms", "at least one"),
    "arms a mapping": (dict(arms={"agent": "vehicle"}), "arms", "a list"),
    "vehicle with concentration": (
        dict(arms=[{"agent": "vehicle", "concentration": "3 g/L"}]),
        *("arms.0.concentration", "vehicle", "leave it out"),
    ),
    "agent without concentration": (dict(arms=[{"agent": "chlorine_dioxide"}]), "arms.0", "concentration: 3 g/L"),
    "concentration too high": (concentration("300 g/L"), "arms.0.concentration", "20 g/L"),
    "concentration too low": (concentration("1 ng/L"), "arms.0.concentration", "0.0002 g/L"),
    "concentration a length": (concentration("3 mm"), "arms.0.concentration", "is a length"),
    "concentration nan": (concentration("nan g/L"), "arms.0.concentration", "finite"),
    "concentration negative": (concentration("-3 g/L"), "arms.0.concentration", "below zero"),
    "agent file missing": (dict(arms=[{"agent": "mine.toml"}]), "arms.0.agent", "mine.toml"),
    "agent file elsewhere": (dict(arms=[{"agent": "/etc/mine.toml"}]), "arms.0.agent", "outside the folder"),
    "set above the folder": (dict(parameters__set="../mine.toml"), "parameters.set", "outside the folder"),
    "override of another kind": (
        dict(parameters__override={"tumour_viable.hydraulic_conductivity": "1 mm"}),
        *("parameters.override", "is a length", "m^2/(Pa s)"),
    ),
    "override impossible": (
        dict(parameters__override={"tumour_viable.porosity": "120 %"}),
        *("parameters.override", "tumour_viable.porosity", "0 to 1"),
    ),
    "override a number": (dict(parameters__override={"tumour_viable.porosity": 0.2}), "porosity", "quotes"),
    "negative seed": (dict(seed=-1), "seed", "0"),
    "half a seed": (dict(seed=1.5), "seed", "whole number"),
    "yes as seed": (dict(seed=True), "seed", "whole number"),
    "other version": (dict(oxablate=2), "oxablate", "1"),
    "title a number": (dict(title=5), "title", "quotes"),
    "title commands a terminal": (dict(title="\x1b[2Jgone"), "line ", "control characters", "U+001B"),
    "too many outputs": (dict(follow="300 d", output__every="1 s"), "output.every", "10000"),
    "negative axis": (recipe(shape={"kind": "ellipsoid", "semi_axes": ["-5 mm"] * 3}), "semi_axes", "below zero"),
    "two axes": (recipe(shape={"kind": "ellipsoid", "semi_axes": ["5 mm"] * 2}), "recipe.shape", "three lengths"),
    "one axis": (recipe(shape={"kind": "ellipsoid", "semi_axes": "5 mm"}), "shape.semi_axes", "a list of lengths"),
    "shape a list": (recipe(shape=[1]), "recipe.shape", "keys and values"),
    "no shape": (dict(subject__phantom__recipe={}), "recipe", "'shape' is missing"),
    "core too large": (recipe(core={"kind": "core", "volume_fraction": 2}), "recipe.core", "between 0 and 1"),
    "core a word": (recipe(core={"kind": "core", "volume_fraction": "big"}), "core.volume_fraction", "'big'"),
    "capsule too thick": (recipe(capsule={"kind": "capsule", "thickness": "20 mm"}), "20 mm", "8 mm", "thinner"),
    "too bulgy": (recipe(shape=LOBES | {"amplitude": 0.9}), "recipe.shape", "0 to 0.3"),
    "seed a word": (recipe(shape=LOBES | {"seed": "a"}), "shape.seed", "whole number"),
    "variance negative": (recipe(heterogeneity=FIELD | {"log_variance": -1}), "log_variance", "below zero"),
    "variance absurd": (recipe(heterogeneity=FIELD | {"log_variance": 1e6}), "log_variance", "16"),
    "tumour below a voxel": (recipe(shape={"kind": "ellipsoid", "semi_axes": ["1 um"] * 3}), "finer grid"),
}


@pytest.mark.parametrize("name", CONTRADICTIONS)
def test_what_cannot_be_is_refused(tmp_path, name):
    changes, *fragments = CONTRADICTIONS[name]
    check(tmp_path, changes, tuple(fragments))


def test_a_grid_beyond_the_memory_is_refused_before_anything_is_made(tmp_path):
    import tracemalloc

    large = recipe(shape={"kind": "ellipsoid", "semi_axes": ["50 mm"] * 3}) | dict(subject__phantom__spacing="0.05 mm")
    check(tmp_path, large, ("2280 x 2280 x 2280 voxels", "GB of memory", "GB is available", "larger spacing"))
    case = write_case(tmp_path / "mine.yaml", **large)
    tracemalloc.start()
    oxablate("inspect", case)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 20e6  # one byte per voxel would be 12 GB


def agent_file(folder, name: str, file: str) -> str:
    from importlib import resources

    text = (resources.files("oxablate.device") / "agents" / "vehicle.toml").read_text("utf-8")
    assert 'name = "vehicle"' in text
    (folder / file).write_text(text.replace('name = "vehicle"', f'name = "{name}"'))
    return file


@pytest.mark.parametrize("name", ["../../escaped", "a/b", "..", ".hidden", "a b", "x" * 100])
def test_an_agent_that_would_name_another_folder_is_refused(tmp_path, name):
    check(tmp_path, {"arms": [{"agent": agent_file(tmp_path, name, "a.toml")}]}, ("arms.0.agent", "name a folder"))


def test_two_files_with_the_same_agent_are_refused(tmp_path):
    arms = [{"agent": agent_file(tmp_path, "mine", file)} for file in ("a.toml", "b.toml")]
    check(tmp_path, {"arms": arms}, ("arms", "same name"))
