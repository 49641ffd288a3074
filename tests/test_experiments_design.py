"""Latin hypercubes over the tables' spreads: strata, streams, distributions, and which numbers are uncertain."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from cases import small_case
from scipy import stats

from oxablate.experiments.design import Design, latin_hypercube
from oxablate.experiments.uncertain import numbers_of, with_numbers
from oxablate.protocol.setting import prepare
from oxablate.quantities.prior import Discrete, LogNormal, LogUniform, Normal, Uniform
from oxablate.quantities.refusal import BadInput

NAMES = [f"number {i}" for i in range(12)]


@pytest.fixture(scope="module")
def setting():
    return prepare(small_case(), Path.cwd())


@pytest.fixture(scope="module")
def varied(setting):
    return numbers_of(setting).varied


@pytest.mark.parametrize(("n", "seed"), [(2, 0), (3, 1), (10, 7), (97, 2**32 - 1), (5000, 3)])
def test_every_stratum_of_every_axis_is_hit_once(n, seed):
    cube = latin_hypercube(NAMES, n, seed)
    assert cube.shape == (n, len(NAMES)) and 0.0 < cube.min() and cube.max() < 1.0
    assert np.array_equal(np.sort(np.floor(cube * n), axis=0), np.repeat(np.arange(n)[:, None], len(NAMES), axis=1))


def test_places_inside_the_strata_are_uniform():
    n = 4000
    inside = (latin_hypercube(NAMES, n, 5) * n) % 1.0
    assert stats.kstest(inside.ravel(), "uniform").pvalue > 1e-3


def test_axes_are_not_correlated():
    """The rank correlation of two random orders has standard deviation 1 / sqrt(n - 1)."""
    n = 500
    rho = stats.spearmanr(latin_hypercube([str(i) for i in range(40)], n, 11)).statistic
    off = np.abs(rho[~np.eye(40, dtype=bool)]) * np.sqrt(n - 1)
    assert off.max() < 5.0 and np.sqrt(np.mean(off**2)) == pytest.approx(1.0, abs=0.1)


def test_a_seed_gives_the_same_bytes_and_another_seed_others():
    assert latin_hypercube(NAMES, 50, 1).tobytes() == latin_hypercube(NAMES, 50, 1).tobytes()
    assert not np.any(latin_hypercube(NAMES, 50, 1) == latin_hypercube(NAMES, 50, 2))


def test_an_axis_does_not_depend_on_the_others():
    whole = latin_hypercube(NAMES, 30, 4)
    assert np.array_equal(latin_hypercube(NAMES[5:7], 30, 4), whole[:, 5:7])


def reference(spread):
    """The distribution function of a spread by scipy.stats, before and after it is cut to [low, high]."""
    match spread:
        case Normal(mean, sd, low, high):
            whole = stats.norm(mean, sd)
        case LogNormal(median, gsd, low, high):
            whole = stats.lognorm(np.log(gsd), scale=median)
        case Uniform(low, high):
            whole = stats.uniform(low, high - low)
        case LogUniform(low, high):
            whole = stats.loguniform(low, high)
    bottom, top = whole.cdf(low), whole.cdf(high)
    return lambda x: (whole.cdf(x) - bottom) / (top - bottom)


def test_every_number_has_the_distribution_of_its_row():
    n, kinds = 64, set()
    varied = numbers_of(prepare(small_case(parameters={"set": "hcc-in-liver"}), Path.cwd())).varied
    design = Design.drawn(varied, n, 9)
    for column, one in enumerate(varied):
        at = reference(one.spread)(design.values[:, column]) * n
        assert np.array_equal(np.sort(np.floor(at)), np.arange(n)), one.row
        kinds.add(type(one.spread))
    assert kinds == {Normal, LogNormal, Uniform, LogUniform}


def test_the_file_of_a_design_gives_the_numbers_back_to_the_last_bit(varied):
    design = Design.drawn(varied, 5, 3)
    header, *rows = design.csv().decode().splitlines()
    names = header.split(",")
    assert names[0] == "member" and names[1:] == [f"{one.row} [{one.unit}]" for one in varied]
    assert [row.split(",")[0] for row in rows] == list("12345")
    assert np.array_equal([[float(cell) for cell in row.split(",")[1:]] for row in rows], design.values)


def test_a_row_used_in_several_tissues_is_one_number(setting, varied):
    by_row = {one.row: one for one in varied}
    assert len(by_row) == len(varied)
    shared = by_row["vessels/collapse_pressure.solid_stress"]
    assert shared.used_for == ("host.collapse_pressure", "tumour_viable.collapse_pressure")
    values = tuple(one.spread.ppf(0.8) for one in varied)
    changed = with_numbers(setting, varied, values)
    drawn = values[varied.index(shared)]
    assert drawn != setting.parameters["host"]["collapse_pressure"].si
    assert changed.parameters["host"]["collapse_pressure"].si == drawn
    assert changed.parameters["tumour_viable"]["collapse_pressure"].si == drawn


def test_every_number_reaches_every_place_it_is_used_for_and_nothing_else_moves(setting, varied):
    before = setting.parameters.quantities() | agent_numbers(setting)
    values = tuple(float(one.spread.ppf(0.3)) for one in varied)
    changed = with_numbers(setting, varied, values)
    after = changed.parameters.quantities() | agent_numbers(changed)
    wanted = {place: value for one, value in zip(varied, values, strict=True) for place in one.used_for}
    assert {place: after[place].si for place in wanted} == wanted
    assert all(after[place].si == before[place].si for place in before if place not in wanted)
    assert "chlorine_dioxide.diffusivity" in wanted and "injury.lethal_thiol_loss" in wanted
    assert changed.far_pressure != setting.far_pressure and changed.subject is setting.subject


def agent_numbers(setting):
    return {f"{arm.name}.{name}": one for arm in setting.arms for name, one in arm.agent.quantities().items()}


def test_what_a_person_set_and_what_the_subject_lacks_stays(setting):
    numbers = numbers_of(setting)
    assert numbers.set_by_user == ("tumour_viable.hydraulic_conductivity",)
    without = {"tumour_viable", "host", "mechanics"}  # of what this case has, only the numbers of cracks and track
    assert {place.partition(".")[0] for place in numbers.absent} == {
        "necrotic_core", "capsule", "septum", "skin", "large_vessel", *without,
    }  # fmt: skip
    assert {place.partition(".")[2] for place in numbers.absent if place.partition(".")[0] in without} == {
        "fracture_pressure", "crack_length", "crack_spacing", "poisson_ratio", "contact_stress", "standing_gap",
        "viscosity", "fracture_log_variance", "fracture_correlation_length", "track_fracture_share",
        "track_damage_radius", "crack_ceiling", "reopening_share", "full_opening",
    }  # fmt: skip
    assert "chlorine_dioxide.molar_mass" in numbers.without_spread
    places = [place for one in numbers.varied for place in one.used_for]
    kept = [*numbers.set_by_user, *numbers.without_spread, *numbers.absent]
    assert sorted([*places, *kept]) == sorted([*setting.parameters.quantities(), *agent_numbers(setting)])


AGENT = """
name = "stuff"
description = "An agent whose molar mass is uncertain"
[solute]
least = "0.1 g/L"
most = "10 g/L"
diffusivity = "clo2/diffusivity.water_37c"
[solute.molar_mass]
value = 100.0
unit = "g/mol"
spread = { kind = "uniform", low = 50.0, high = 200.0 }
source = "none"
place = "test"
grade = "unknown"
mark = "general knowledge"
note = "made up"
[solute.decay_rate]
value = 1e-3
unit = "1/s"
spread = { kind = "discrete", values = [1e-4, 1e-3], weights = [1.0, 3.0] }
source = "none"
place = "test"
grade = "unknown"
mark = "general knowledge"
note = "made up"
"""


def test_amounts_follow_a_drawn_molar_mass_and_agents_share_rows(tmp_path):
    (tmp_path / "stuff.toml").write_text(AGENT)
    arms = [{"agent": "stuff.toml", "concentration": "1 g/L"}, {"agent": "chlorine_dioxide", "concentration": "3 g/L"}]
    setting = prepare(small_case(arms=arms), tmp_path)
    varied = numbers_of(setting).varied
    by_row = {one.row: one for one in varied}
    shared = by_row["clo2/diffusivity.water_37c"]
    assert shared.used_for == ("stuff.diffusivity", "chlorine_dioxide.diffusivity")
    (mass,) = (one for one in varied if one.used_for == ("stuff.molar_mass",))
    (decay,) = (one for one in varied if one.used_for == ("stuff.decay_rate",))
    assert isinstance(decay.spread, Discrete)
    drawn = Design.drawn(varied, 100, 1).values[:, varied.index(decay)]
    assert np.count_nonzero(drawn == 1e-4) == 25 and np.count_nonzero(drawn == 1e-3) == 75
    changed = with_numbers(setting, varied, tuple(0.2 if one is mass else one.quantity.si for one in varied))
    assert setting.arms[0].concentration == pytest.approx(10.0) and changed.arms[0].concentration == pytest.approx(5.0)


def test_numbers_that_no_tissue_has_are_refused(setting, varied):
    row = "tissue/porosity.generic_tumour"
    values = tuple(1.5 if one.row == row else one.quantity.si for one in varied)
    with pytest.raises(BadInput, match="porosity"):
        with_numbers(setting, varied, values)


def test_a_drawn_number_keeps_its_evidence(setting, varied):
    changed = with_numbers(setting, varied, tuple(one.quantity.si for one in varied))
    for place, one in setting.parameters.quantities().items():
        other = changed.parameters.quantities()[place]
        assert other.evidence == one.evidence and other.row == one.row and other.si == one.si
    assert replace(changed, parameters=None, arms=None) == replace(setting, parameters=None, arms=None)
