"""What a person is told of the cost of a finite grid."""

import numpy as np
import pytest
from cases import small_case, small_data

from oxablate.protocol.case import parse_case
from oxablate.protocol.cut_off import cut_off
from oxablate.protocol.setting import prepare


def told(tmp_path, **changes):
    return cut_off(prepare(small_case(**changes), tmp_path))


def test_a_larger_margin_costs_less(tmp_path):
    def at(margin):
        data = small_data()
        data["subject"]["phantom"]["recipe"]["surroundings"]["margin"] = margin
        data["parameters"]["override"]["host.vessel_filtration"] = "1e-11 1/(Pa s)"
        return cut_off(prepare(parse_case(data, "case"), tmp_path))

    near, far = at("4 mm"), at("16 mm")
    assert far.distance == pytest.approx(near.distance + 12e-3, abs=2.1e-3)
    assert far.pressure < near.pressure and far.speed < near.speed and far.leaving < near.leaving


def test_the_sentence_holds_the_numbers(tmp_path):
    found = told(tmp_path)
    text = str(found)
    assert "faces held at the pressure of undisturbed tissue" in text and "of the fluid leaves" in text
    assert f"{found.distance / 1e-3:.3g} mm" in text and "\n" not in text


def test_it_is_said_to_hold_where_nothing_cracks(tmp_path):
    with_cracks = told(tmp_path, model__cracks="cubic")
    assert "holds where nothing cracks" in str(with_cracks)
    assert str(with_cracks).startswith(str(told(tmp_path))) and "cracks" not in str(told(tmp_path))


def test_sealed_faces_let_nothing_leave(tmp_path):
    found = told(tmp_path, model__beyond="sealed")
    assert found.leaving == 0.0 and "sealed faces" in str(found) and "leaves" not in str(found)


def test_a_sealed_box_without_uptake_never_settles(tmp_path):
    override = {"host.vessel_filtration": "0 1/(Pa s)", "host.lymph_filtration": "0 1/(Pa s)"}
    found = told(tmp_path, model__beyond="sealed", parameters__override=override)
    assert np.isinf(found.pressure) and "rises for as long as the pump runs" in str(found)


def test_liquid_that_would_reach_the_faces_is_said_to(tmp_path):
    assert told(tmp_path, injection__volume="20 mL", injection__flow_rate="10 mL/min").speed == 1.0
