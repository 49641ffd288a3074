"""Tables: every one loads and cites what exists; a row that hides anything is refused by file, row and field."""

import math
import re

import pytest
from scipy import stats

from oxablate.quantities.cite import bibliography
from oxablate.quantities.parameter import PARAMETERS
from oxablate.quantities.quantity import Grade, Mark
from oxablate.quantities.refusal import BadInput
from oxablate.quantities.table import WITHOUT_REFERENCE, load_table, look_up, read_table, table_names
from oxablate.quantities.unit import read

GOOD = {
    "value": "0.4",
    "unit": '"1"',
    "spread": '{ kind = "uniform", low = 0.2, high = 0.6 }',
    "source": '"baxter-jain-1989"',
    "place": '"Table 1"',
    "grade": '"measured"',
    "mark": '"read"',
}


def write(folder, row="porosity.x", **changes):
    fields = GOOD | changes
    lines = [f"[{row}]", *(f"{field} = {value}" for field, value in fields.items() if value is not None)]
    path = folder / "mine.toml"
    path.write_text("\n".join(lines), "utf-8")
    return path


ROWS = [(name, key) for name in table_names() for key in load_table(name)]


def test_the_tables_are_there():
    assert {"tissue", "mechanics", "vessels", "clo2", "demand", "injury", "device"} <= set(table_names())
    assert len(ROWS) > 100


@pytest.mark.parametrize(("table", "key"), ROWS)
def test_every_row_is_whole(table, key):
    quantity = load_table(table)[key]
    evidence = quantity.evidence
    assert quantity.si_spread.contains(quantity.si)
    assert quantity.parameter.low <= quantity.si <= quantity.parameter.high
    assert evidence.source in WITHOUT_REFERENCE or evidence.source in bibliography()
    assert all(reference.key in bibliography() for reference in evidence.references)
    assert evidence.place and (evidence.note or evidence.source not in WITHOUT_REFERENCE)
    if evidence.grade is Grade.MEASURED:
        assert evidence.source in bibliography() and evidence.mark in (Mark.READ, Mark.SECONDARY)
    if evidence.mark is Mark.GENERAL_KNOWLEDGE:
        assert evidence.grade in (Grade.ESTIMATED, Grade.UNKNOWN), "what was not read may not be upgraded"
    for quantile in (1e-9, 0.5, 1 - 1e-9):
        assert quantity.parameter.low <= float(quantity.si_spread.ppf(quantile)) <= quantity.parameter.high


# Values computed by hand from what the sources print; 1 mmHg = 133.322 Pa, 1e-7 cm2/(mmHg s) = 7.50e-14 m2/(Pa s).
BY_HAND = [
    ("tissue/hydraulic_conductivity.u251_glioma_rat", 1.7e-13, 0.02),
    ("tissue/hydraulic_conductivity.tumour_baxter_jain", 3.1e-14, 0.01),
    ("tissue/hydraulic_conductivity.tissue_baxter_jain", 6.4e-15, 0.01),
    ("vessels/wall_conductance.tumour_baxter_jain", 2.10e-11, 0.005),
    ("vessels/wall_conductance.normal_baxter_jain", 2.70e-12, 0.005),
    ("vessels/lymph_filtration.normal", 1e-7, 0.01),
    ("vessels/vascular_pressure.tumour", 15.6 * 133.322, 1e-5),
    ("mechanics/opening_pressure.breast_4t1_mouse", 36.8 * 133.322, 1e-5),
    ("clo2/rate_constant.cysteine_ph7", 6.9e3, 1e-12),
    ("clo2/molar_mass.chlorine_dioxide", 0.06745, 1e-12),
    ("demand/demand_thiols.any_tissue", 10.0, 1e-12),
    ("device/cavity_radius.assumed", 0.35e-3, 1e-12),
    ("device/needle_outer_radius.gauge_22", 0.3588e-3, 1e-3),
    # 1.002 mPa s * 10^(-17 / 133 * (1.2364 + 1.37e-3 * 17 + 5.7e-6 * 17^2)), the correlation of Kestin 1978 at 37 C
    ("mechanics/viscosity.water_37c", 1.002e-3 * 10 ** (-17 / 133 * 1.2613373), 1e-4),
    ("mechanics/contact_stress.agarose_gel", 812.0, 1e-12),
    ("mechanics/crack_ceiling.method", 1e-7, 1e-12),
]


@pytest.mark.parametrize(("row", "expected", "tolerance"), BY_HAND)
def test_si_values_against_hand_computation(row, expected, tolerance):
    assert look_up(row, "test").si == pytest.approx(expected, rel=tolerance)


def test_products_of_the_baxter_jain_set():
    vessels = load_table("vessels")
    for kind in ("tumour", "normal"):
        product = vessels[f"wall_conductance.{kind}_baxter_jain"].si * vessels[f"vessel_surface.{kind}_baxter_jain"].si
        assert vessels[f"vessel_filtration.{kind}"].si == pytest.approx(product, rel=2e-3)
    pressure = vessels["vascular_pressure.tumour"].si
    back = vessels["reflection_coefficient.tumour"].si * vessels["oncotic_difference.tumour"].si
    assert (pressure - back) / 133.322 == pytest.approx(11.5, rel=1e-3)


def test_the_lognormal_of_the_rat_glioma_has_the_published_moments():
    spread = look_up("tissue/hydraulic_conductivity.u251_glioma_rat", "test").spread
    oracle = stats.lognorm(math.log(spread.gsd), scale=spread.median)
    assert oracle.mean() == pytest.approx(2.3e-5, rel=0.01) and oracle.std() == pytest.approx(3.1e-5, rel=0.02)


def test_pools_add_up_to_the_total_demand():
    pools = [
        load_table("demand")[f"demand_{pool}.any_tissue"].si_spread for pool in ("thiols", "tyrosine", "tryptophan")
    ]
    total = load_table("demand")["total_demand.any_tissue"].si_spread
    assert sum(pool.low for pool in pools) == pytest.approx(total.low)
    assert sum(pool.high for pool in pools) == pytest.approx(total.high)


def test_a_good_row_is_read(tmp_path):
    table = read_table(write(tmp_path))
    quantity = table["porosity.x"]
    assert quantity.si == 0.4 and quantity.grade is Grade.MEASURED and quantity.row == "mine/porosity.x"
    assert [reference.key for reference in quantity.references] == ["baxter-jain-1989"]
    assert str(quantity) == "porosity = 0.4 (uniform, 0.2 to 0.6; measured; baxter-jain-1989)"


@pytest.mark.parametrize("field", GOOD)
def test_a_row_without_a_field_is_refused(tmp_path, field):
    with pytest.raises(BadInput, match=re.escape(f"mine/porosity.x: the field '{field}' is missing")):
        read_table(write(tmp_path, **{field: None}))


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"row": "porocity.x"}, "no parameter 'porocity'; did you mean 'porosity'?"),
        ({"sauce": '"x"'}, "no field 'sauce'; did you mean 'source'?"),
        ({"source": '"baxter-jain-1998"'}, "not in the bibliography; did you mean 'baxter-jain-1989'?"),
        (
            {
                "inputs": '["nobody"]',
                "source": '"computed"',
                "mark": '"computed"',
                "grade": '"estimated"',
                "note": '"x"',
            },
            "'nobody'",
        ),
        ({"inputs": '"baxter-jain-1989"'}, "not a list"),
        ({"unit": '"mL"'}, "is a volume; a fraction"),
        ({"unit": '"pct"'}, "unit: the unit 'pct'"),
        ({"unit": '""'}, "unit: '' is empty"),
        ({"place": '" "'}, "place: ' ' is empty"),
        ({"value": '"0.4"'}, "is not a finite number"),
        ({"value": "nan"}, "is not a finite number"),
        ({"value": "true"}, "is not a finite number"),
        ({"value": "0.7"}, "outside its own spread"),
        ({"value": "40"}, "not possible for porosity, allowed is 0 to 1"),
        ({"spread": '{ kind = "uniform", low = 2, high = 3 }', "value": "0.4"}, "spread:"),
        ({"spread": '{ kind = "unform", low = 0, high = 1 }'}, "did you mean 'uniform'?"),
        ({"grade": '"measuerd"'}, "did you mean 'measured'?"),
        ({"mark": '"guessed"'}, "mark: 'guessed' is not known"),
        ({"mark": '"set by the user"'}, "mark: 'set by the user' is not known"),
        ({"mark": '"general knowledge"'}, "is not a measurement"),
        ({"mark": '"computed"'}, "is not a measurement"),
        ({"mark": '"general knowledge"', "grade": '"analogue"'}, "no analogue"),
        ({"source": '"none"', "grade": '"unknown"'}, "a note must give the reasoning"),
        ({"source": '"computed"', "grade": '"estimated"', "mark": '"computed"'}, "a note must give the reasoning"),
    ],
)
def test_a_row_that_hides_something_is_refused(tmp_path, changes, says):
    with pytest.raises(BadInput, match=re.escape(says)) as refusal:
        read_table(write(tmp_path, **changes))
    assert "mine" in str(refusal.value), "the file is named"


def test_a_file_that_is_no_table_is_refused(tmp_path):
    path = tmp_path / "broken.toml"
    with pytest.raises(BadInput, match="cannot be read"):
        read_table(path)
    for text, says in (
        ("[porosity", "cannot be read"),
        ("porosity = 3", "a row is written"),
        ("[porosity]\nx = 1", "a row is a table"),
    ):
        path.write_text(text, "utf-8")
        with pytest.raises(BadInput, match=says):
            read_table(path)


def test_looking_up_what_is_not_there():
    with pytest.raises(BadInput, match="no table 'tisue'; did you mean 'tissue'"):
        look_up("tisue/porosity.hcc", "here")
    with pytest.raises(
        BadInput, match=r"^here: the table 'tissue' has no row 'porosity.hc'; did you mean 'porosity.hcc'"
    ):
        look_up("tissue/porosity.hc", "here")
    with pytest.raises(BadInput, match="names no row"):
        look_up("porosity", "here")


def test_every_parameter_reads_its_own_example():
    for parameter in PARAMETERS.values():
        parameter.check(
            read(parameter.dimension.example, parameter.dimension) if parameter.high > 1 else 0.5, parameter.name
        )
