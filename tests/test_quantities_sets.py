"""Named parameter sets: complete, printed, and changed only aloud."""

import pytest

from oxablate.quantities.cite import bibtex, plain
from oxablate.quantities.parameter import INJURY_PARAMETERS, MECHANICS_PARAMETERS, POOLS, TISSUE_PARAMETERS
from oxablate.quantities.parameter_set import OF_NO_TISSUE, TISSUES, load_set, set_names
from oxablate.quantities.quantity import Grade, Mark
from oxablate.quantities.refusal import BadInput

COUNT = len(TISSUES) * len(TISSUE_PARAMETERS) + len(INJURY_PARAMETERS) + len(MECHANICS_PARAMETERS)


def copy_of(name, folder, change):
    from importlib import resources

    text = (resources.files("oxablate.quantities") / "sets" / f"{name}.toml").read_text("utf-8")
    path = folder / "mine.toml"
    path.write_text(change(text), "utf-8")
    return str(path)


@pytest.mark.parametrize("name", set_names())
def test_every_set_is_complete(name):
    chosen = load_set(name)
    assert chosen.tissues == TISSUES and set(chosen) == {*TISSUES, *OF_NO_TISSUE}
    assert len(chosen.quantities()) == COUNT
    for tissue in TISSUES:
        assert tuple(chosen[tissue]) == TISSUE_PARAMETERS
        assert chosen.demands(tissue) == tuple(chosen[tissue][f"demand_{pool}"].si for pool in POOLS)
    for key, quantity in chosen.quantities().items():
        assert key.endswith(f".{quantity.name}")
    assert chosen.overridden() == ()


def test_the_sets_are_the_three_named():
    assert set_names() == ("generic-tumour", "glioma-in-brain", "hcc-in-liver")


@pytest.mark.parametrize("name", set_names())
def test_a_set_makes_physical_sense(name):
    chosen = load_set(name)
    for tissue in TISSUES:
        section = chosen[tissue]
        assert 0 < section["hydraulic_conductivity"].si < 1e-10
        assert 0 < section["porosity"].si < 1
        assert section["aggregate_modulus"].si > 0 and section["stiffening_exponent"].si > 0
        assert section["collapse_width"].si > 0 and section["collapse_lag"].si > 0
        assert all(demand > 0 for demand in chosen.demands(tissue))
    for tissue in ("tumour_viable", "necrotic_core"):
        assert chosen[tissue]["lymph_filtration"].si == 0, "lymph only in host tissue"
    assert chosen["necrotic_core"]["vessel_filtration"].si == 0
    for tissue in TISSUES:
        spread = chosen[tissue]["fracture_pressure"].si_spread
        assert spread.ppf(0.001) > 2e3, "above the pressure at rest, or tissue would crack by itself"
        assert 0 < chosen[tissue]["poisson_ratio"].si < 0.5 and chosen[tissue]["contact_stress"].si > 0
    for weak in ("capsule", "septum"):
        assert chosen[weak]["fracture_pressure"].si < chosen["tumour_viable"]["fracture_pressure"].si
    assert chosen["mechanics"]["crack_ceiling"].si >= 1e-9, "a lower one decides the pressure by itself"
    tumour = chosen["tumour_viable"]
    rest = tumour["vascular_pressure"].si - tumour["reflection_coefficient"].si * tumour["oncotic_difference"].si
    assert rest == pytest.approx(11.5 * 133.322, rel=1e-3), "p_ss of the standard set"


def test_the_printed_table_says_everything():
    chosen = load_set("glioma-in-brain")
    rows = {row.key: row for row in chosen.rows()}
    assert len(rows) == COUNT
    row = rows["host.hydraulic_conductivity"]
    assert (row.value, row.unit, row.spread, row.grade) == (
        "2e-12",
        "m^2/(Pa s)",
        "log-uniform, 1e-12 to 5e-12",
        "estimated",
    )
    assert row.source == "none" and row.row == "tissue/hydraulic_conductivity.brain_grey" and row.note
    for reference in chosen.references():
        assert reference.key in bibtex(chosen.references())
    assert plain(chosen.references()).startswith("1. ")


def test_an_override_is_marked_and_changes_nothing_else():
    chosen = load_set("generic-tumour")
    mine = chosen.with_overrides(
        {"tumour_viable.hydraulic_conductivity": "1e-12 m^2/Pa/s", "injury.lethal_thiol_loss": "40 %"}
    )
    quantity = mine["tumour_viable"]["hydraulic_conductivity"]
    assert quantity.si == 1e-12 and quantity.grade is Grade.UNKNOWN and quantity.evidence.mark is Mark.SET_BY_USER
    assert float(quantity.si_spread.ppf(0.1)) == 1e-12
    assert mine["injury"]["lethal_thiol_loss"].si == 0.4
    assert mine.overridden() == ("tumour_viable.hydraulic_conductivity", "injury.lethal_thiol_loss")
    printed = {row.key: row for row in mine.rows()}["tumour_viable.hydraulic_conductivity"]
    assert printed.source == "set by the user" and "1e-12 m^2/Pa/s" in printed.note
    for key, one in mine.quantities().items():
        if key not in mine.overridden():
            assert one is chosen.quantities()[key]
    assert chosen.overridden() == (), "the set itself does not change"


@pytest.mark.parametrize(
    ("key", "text", "says"),
    [
        ("tumor_viable.porosity", "0.3", "did you mean 'tumour_viable.porosity'?"),
        ("tumour_viable.porosty", "0.3", "did you mean 'tumour_viable.porosity'?"),
        ("porosity", "0.3", "names no parameter"),
        ("zzz", "0.3", "write 'tissue.parameter', with one of host, tumour_viable"),
        ("host.zzzzzz", "0.3", "allowed are 'aggregate_modulus'"),
        ("host.porosity", "1.5", "not possible for porosity"),
        ("host.porosity", "3 mL", "is a volume"),
        ("host.vascular_pressure", "12", "has no unit"),
    ],
)
def test_a_wrong_override_is_refused_by_name(key, text, says):
    with pytest.raises(BadInput, match=".*" + says.replace("?", r"\?")) as refusal:
        load_set("generic-tumour").with_overrides({key: text})
    assert key in str(refusal.value)


def test_what_a_set_has_not_is_refused_by_name():
    chosen = load_set("hcc-in-liver")
    assert "skin" in chosen and "skinn" not in chosen and "porosty" not in chosen["skin"]
    with pytest.raises(BadInput, match="no section 'capsul'; did you mean 'capsule'"):
        chosen["capsul"]
    with pytest.raises(BadInput, match="skin has no parameter 'porosty'; did you mean 'porosity'"):
        chosen["skin"]["porosty"]
    with pytest.raises(BadInput, match="no parameter set 'glioma-in-brian'; did you mean 'glioma-in-brain'"):
        load_set("glioma-in-brian")


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (
            lambda text: text.replace(
                '[host]\nhydraulic_conductivity = "tissue/hydraulic_conductivity.organ_host"\n', "[host]\n"
            ),
            r"mine.toml, host.hydraulic_conductivity: the set names no row",
        ),
        (lambda text: text.replace("[septum]", "[septem]"), "no section 'septem'; did you mean 'septum'"),
        (lambda text: text.replace("porosity.organ_host", "porosity.organ"), "no row 'porosity.organ'; did you mean"),
        (
            lambda text: text.replace("tissue/porosity.organ_host", "tissue/correlation_length.any_tissue"),
            "gives correlation_length, not porosity",
        ),
        (lambda text: text.replace("[host]\n", '[host]\npermeability = "x"\n'), "no parameter 'permeability' here"),
        (lambda text: text.replace("description", "# description"), "has no description"),
    ],
)
def test_an_incomplete_set_is_refused_by_name(tmp_path, change, says):
    with pytest.raises(BadInput, match=says):
        load_set(copy_of("generic-tumour", tmp_path, change))


def test_a_set_of_ones_own_is_read_from_a_path(tmp_path):
    swap = ("tissue/hydraulic_conductivity.human_solid_tumour", "tissue/hydraulic_conductivity.tumour_baxter_jain")
    chosen = load_set(copy_of("generic-tumour", tmp_path, lambda text: text.replace(*swap)))
    assert chosen["tumour_viable"]["hydraulic_conductivity"].si == pytest.approx(3.1e-14, rel=0.01)


def test_a_file_is_read_anew(tmp_path):
    path = copy_of("generic-tumour", tmp_path, lambda text: text)
    assert load_set(path).description.startswith("A solid tumour")
    copy_of("generic-tumour", tmp_path, lambda text: text.replace("A solid tumour", "Another tumour"))
    assert load_set(path).description.startswith("Another tumour")
