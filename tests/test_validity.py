"""The validity meter: every flag is raised beyond its bound and not within it."""

from types import SimpleNamespace

import numpy as np
import pytest
from coupled import finished, setting_of

from oxablate.device.gauge import NeedleTube
from oxablate.device.needles import Course, SideHoleNeedle
from oxablate.physics.flow.crack_closures import CubicCracks, NoCracks
from oxablate.protocol import validity, validity_injection
from oxablate.protocol.coupling import ArmRun

SHAPE = (9, 8, 7)
FRACTURE = 10e3
LAW = CubicCracks(length=3e-3, spacing=2e-3, plane_modulus=20e3, viscosity=7e-4, ceiling=1e-9)


def cracked(excess: float, at=(4, 4, 3), torn: int = 0) -> SimpleNamespace:
    """An arm in which one voxel is `excess` [Pa] above its fracture pressure; `torn`: voxels in the memory."""
    pressure = np.full(SHAPE, 0.5 * FRACTURE)
    pressure[at] = FRACTURE + excess
    greatest = np.zeros(SHAPE)
    greatest.reshape(-1)[:torn] = 1e-5
    cracks = SimpleNamespace(table=np.array([NoCracks().row(), LAW.row()]), fracture=np.full(SHAPE, FRACTURE))
    return SimpleNamespace(
        cracks_on=True, flow=SimpleNamespace(joint=cracks, along=None),
        state=SimpleNamespace(pressure=pressure, injection=SimpleNamespace(crack_greatest=greatest)),
        label=np.ones(SHAPE, np.uint8), active=np.ones(SHAPE, bool), grid=SimpleNamespace(voxel_volume=1e-9),
    )  # fmt: skip


def raised(check, model, rows=()) -> list:
    return list(check(model, list(rows)))


def test_an_open_crack_is_measured_against_length_and_spacing():
    found = validity_injection.watched_columns(cracked(2e3))
    assert found["crack_strain_max"] == pytest.approx(2e3 / 20e3)
    assert found["crack_fraction_max"] == pytest.approx(2e3 / 20e3 * 3e-3 / 2e-3)
    assert found["crack_reached_edge"] == 0.0
    assert found["crack_mL"] == pytest.approx(1e6 * 1e-9 * found["crack_fraction_max"])  # one voxel
    air = cracked(2e3)
    air.label[4, 4, 3] = 0
    assert set(validity_injection.watched_columns(air).values()) == {0.0}


@pytest.mark.parametrize(("excess", "names"), [(3e3, ()), (4e3, ("distance",)), (6e3, ("modulus", "distance"))])
def test_wide_cracks_are_flagged_by_what_they_leave(excess, names):
    found = raised(validity_injection.crack_strain, cracked(excess))
    assert len(found) == len(names)
    for flag, name in zip(found, names, strict=True):
        assert name in flag.quantity and flag.value > flag.limit


def test_the_worst_of_the_series_counts_and_not_the_end():
    rows = [{"crack_strain_max": 0.1, "crack_fraction_max": 0.1}, {"crack_strain_max": 0.3, "crack_fraction_max": 0.0}]
    assert [flag.value for flag in raised(validity_injection.crack_strain, cracked(0.0), rows)] == [0.3]


@pytest.mark.parametrize(("at", "reached"), [((4, 4, 3), 0), ((1, 4, 3), 1), ((4, 4, 5), 1), ((4, 5, 4), 0)])
def test_a_crack_near_the_faces_is_flagged(at, reached):
    found = raised(validity_injection.crack_edge, cracked(1e3, at))
    assert [flag.value for flag in found] == [1.0] * reached


def test_memory_that_tore_something_is_flagged():
    assert raised(validity_injection.crack_memory, cracked(0.0)) == []
    (flag,) = raised(validity_injection.crack_memory, cracked(0.0, torn=5))
    assert flag.value == 5.0 and "voxel" in flag.meaning


def test_pressure_above_that_of_fracture_is_flagged_only_without_cracks():
    rows = [{"needle_pressure_Pa": 1e6}]
    setting = setting_of("vehicle", numbers={"tumour_viable.fracture_pressure": "40 kPa"})
    with_cracks, without = (SimpleNamespace(cracks_on=on, setting=setting) for on in (True, False))
    assert raised(validity_injection.no_cracks, with_cracks, rows) == []
    (flag,) = raised(validity_injection.no_cracks, without, rows)
    assert (flag.value, flag.limit) == (1e6, pytest.approx(40e3))
    assert raised(validity_injection.no_cracks, without, [{"needle_pressure_Pa": 39e3}]) == []


def test_the_fracture_pressure_is_that_of_the_tissue_at_the_tip():
    numbers = {"tumour_viable.fracture_pressure": "40 kPa", "host.fracture_pressure": "25 kPa"}
    setting = setting_of("vehicle", numbers=numbers, needle__tip=["13 mm", "-1 mm", "1.2 mm"])
    model = SimpleNamespace(cracks_on=False, setting=setting)
    (flag,) = raised(validity_injection.no_cracks, model, [{"needle_pressure_Pa": 30e3}])
    assert flag.limit == pytest.approx(25e3)


@pytest.fixture(scope="module")
def gap_alone() -> ArmRun:
    """One arm with a track and no cracks, whose numbers ask for a fracture pressure that varies."""
    numbers = {"mechanics.fracture_correlation_length": "3 mm", "mechanics.fracture_log_variance": "0.1"}
    setting = setting_of("vehicle", numbers=numbers, **FOLLOWED | {"model__track": "gap"})
    return ArmRun(setting, setting.arms[0])


def test_a_track_alone_is_no_model_with_cracks(gap_alone):
    rows = [{"needle_pressure_Pa": 50e6, "killed_tumour_mL": 0.0, "killed_outside_mL": 0.0}]
    names = [flag.quantity for flag in validity.flags(gap_alone, rows)]
    assert "needle pressure" in names
    assert "voxels per correlation length of the fracture pressure" not in names
    assert set(validity_injection.watched_columns(gap_alone)) == {
        "track_open_mm", "track_width_max", "hub_pressure_Pa",
    }  # fmt: skip
    assert validity_injection.crack_excess(gap_alone) is None


def test_a_wide_gap_is_flagged():
    rows = [{"track_width_max": 0.1}, {"track_width_max": 0.4}, {"track_width_max": 0.0}]
    assert [flag.value for flag in raised(validity_injection.track_width, cracked(0.0), rows)] == [0.4]
    assert raised(validity_injection.track_width, cracked(0.0), rows[:1]) == []
    assert raised(validity_injection.track_width, cracked(0.0), [{}]) == []


def test_the_rule_of_moduli_is_the_closed_form():
    """From the map: a stiff tumour in a host without stiffness, nu = 0, shows a third; ten times softer, sevenfold."""
    assert validity.misjudged_by_moduli(1.0, 0.0, 0.0) == pytest.approx(1.0 - 1.0 / 3.0)
    assert validity.misjudged_by_moduli(1.0, 10.0, 0.0) == pytest.approx(7.0 - 1.0)
    assert validity.misjudged_by_moduli(5.0, 5.0, 0.3) == 0.0
    assert validity.misjudged_by_moduli(1.0, 2.0, 0.5) == 0.0  # nothing opens tissue that cannot be compressed


@pytest.mark.parametrize(("share", "flagged"), [(1.0, False), (1.05, False), (0.95, False), (3.0, True), (0.3, True)])
def test_unlike_moduli_are_flagged(share, flagged):
    """Any drained Poisson ratio up to 0.35 gives a factor g of 0.31 to 0.67."""
    host = setting_of("vehicle").parameters["host"]["aggregate_modulus"]
    numbers = {"tumour_viable.aggregate_modulus": f"{share * host.value} {host.unit}"}
    setting = setting_of("vehicle", numbers=numbers)
    found = raised(validity._moduli, SimpleNamespace(setting=setting))
    assert bool(found) == flagged
    assert all(flag.value > flag.limit for flag in found)
    rigid = setting_of("vehicle", numbers=numbers, model__pores="rigid")
    assert raised(validity._moduli, SimpleNamespace(setting=rigid)) == []


def test_the_voxels_blur_a_small_plume_that_flow_makes():
    model = finished("inert_tracer")
    rows = [{"reached_mL": 0.05, "killed_tumour_mL": 0.0, "killed_outside_mL": 0.0}]
    small, large = rows, [rows[0] | {"reached_mL": 1e3}]
    cell = validity.cell_peclet(model, small)
    radius = validity.plume_radius(small)
    assert cell == pytest.approx(validity.peclet(model, radius) * max(model.grid.spacing) / radius)
    assert [flag.value for flag in raised(validity._blurred, model, small)] == [cell]
    assert raised(validity._blurred, model, large) == []
    assert raised(validity._blurred, finished("vehicle"), small) == []
    numbers = validity.dimensionless_numbers(model, small)
    assert numbers["cell_peclet"] < numbers["peclet"]


def test_a_run_of_today_raises_its_flags():
    model = finished("chlorine_dioxide")
    rows = [
        {"needle_pressure_Pa": 1e6, "volume_ratio_needle": 2.0, "flow_mismatch": 1.0, "killed_tumour_mL": 0.0}
        | {"killed_outside_mL": 0.0}
    ]
    names = [flag.quantity for flag in validity.flags(model, rows)]
    assert names[0] == "needle pressure" and names[-1] == "pore volume against pressure"
    assert "volume ratio J at the needle" in names


FOLLOWED = {
    "needle__gauge": 22, "needle__length": "15 cm", "needle__entry": ["2.3 mm", "-30 mm", "1.2 mm"],
    "model__cracks": "none", "model__track": "tight",
}  # fmt: skip


def test_the_reynolds_number_is_that_of_the_tube():
    """By hand: 22 gauge, radius of the lumen 0.2065 mm, water at 37 C: Re = 2 rho Q / (pi mu r)."""
    setting = setting_of("vehicle", injection__flow_rate="10 mL/min", **FOLLOWED)
    tube = setting.delivery.needles[0].tube
    by_hand = 2 * 993.3 * 10e-6 / 60 / (np.pi * 0.6913e-3 * tube.inner_radius)
    assert validity_injection.needle_reynolds(setting) == pytest.approx(by_hand, rel=1e-12)
    assert 500 < by_hand < 1000
    assert raised(validity_injection.turbulence, SimpleNamespace(setting=setting)) == []
    fast = setting_of("vehicle", injection__flow_rate="60 mL/min", injection__volume="1 mL", **FOLLOWED)
    (flag,) = raised(validity_injection.turbulence, SimpleNamespace(setting=fast))
    assert flag.value == pytest.approx(6 * by_hand)


def test_a_needle_without_a_tube_has_no_reynolds_number():
    assert validity_injection.needle_reynolds(setting_of("vehicle")) == 0.0


@pytest.mark.parametrize(("radius", "flagged"), [(0.4e-3, True), (0.6e-3, False)])
def test_wide_voxels_beside_side_holes_are_flagged(radius, flagged):
    course = Course((0.0, -0.03, 0.0), (0.0, 0.0, 0.0))
    needle = SideHoleNeedle(course, NeedleTube(radius, 0.2e-3, 0.1), (0.003, 0.006), (1e-4, 1e-4))
    model = SimpleNamespace(
        grid=SimpleNamespace(spacing=(2e-3, 1e-3, 1e-3)),
        setting=SimpleNamespace(delivery=SimpleNamespace(needles=[needle])),
    )
    assert bool(raised(validity_injection.side_holes, model)) == flagged
    model.setting.delivery.needles = setting_of("vehicle").delivery.needles
    assert raised(validity_injection.side_holes, model) == []


@pytest.mark.parametrize(
    ("length", "variance", "flagged"), [("15 mm", 0.1, True), ("17 mm", 0.1, False), ("1 mm", 0, False)]
)
def test_a_fracture_pressure_that_varies_within_eight_voxels_is_flagged(length, variance, flagged):
    """Voxels of 2 mm."""
    numbers = {"mechanics.fracture_correlation_length": length, "mechanics.fracture_log_variance": f"{variance}"}
    setting = setting_of("vehicle", numbers=numbers)
    model = SimpleNamespace(grid=setting.subject.grid, setting=setting, cracks_on=True)
    assert bool(raised(validity_injection.correlation, model)) == flagged
    model.cracks_on = False
    assert raised(validity_injection.correlation, model) == []


def numbers(**of) -> SimpleNamespace:
    """An arm with a tumour of given numbers, injected into for 100 s."""
    tumour = {name: SimpleNamespace(si=value) for name, value in of.items()}
    setting = SimpleNamespace(parameters={"tumour_viable": tumour}, pump=SimpleNamespace(duration=100.0))
    grid, clock = SimpleNamespace(spacing=(1e-3, 1e-3, 1e-3)), SimpleNamespace(time=100.0)
    return SimpleNamespace(cracks_on=True, setting=setting, grid=grid, state=SimpleNamespace(clock=clock))


@pytest.mark.parametrize(("conductivity", "flagged"), [(4.9e-13, True), (5.1e-13, False)])
def test_pores_that_could_not_have_filled_between_cracks_are_flagged(conductivity, flagged):
    """By hand: D = K (8 kPa + 2 x 21 kPa), L = 50 um x 1000^(1/2): L^2 / D = 100 s at K = 5e-13."""
    tumour = dict(aggregate_modulus=8e3, stiffening_exponent=2.0, fracture_pressure=21e3, crack_spacing=1e-4 * 1e3**0.5)
    model = numbers(hydraulic_conductivity=conductivity, **tumour)
    assert bool(raised(validity_injection.unfilled, model, [{"crack_mL": 1e-3}])) == flagged
    assert not raised(validity_injection.unfilled, model, [{"crack_mL": 0.0}])


@pytest.mark.parametrize(("conductivity", "flagged"), [(0.9e-12, True), (1.1e-12, False)])
def test_a_gap_that_leaks_into_tissue_its_pressure_has_not_reached_is_flagged(conductivity, flagged):
    """By hand: (K H t)^(1/2) is a voxel of 1 mm at K = 1e-12, H = 10 kPa and t = 100 s."""
    model = numbers(hydraulic_conductivity=conductivity, aggregate_modulus=1e4)
    assert bool(raised(validity_injection.steep_leak, model, [{"track_open_mm": 2.0}])) == flagged
    assert not raised(validity_injection.steep_leak, model, [{"track_open_mm": 0.0}])


@pytest.mark.parametrize(("radius", "flagged"), [(5.9e-3, True), (6.1e-3, False)])
def test_a_tracer_of_few_voxels_is_flagged(radius, flagged):
    volume = 4.0 / 3.0 * np.pi * radius**3 * 1e6
    assert bool(raised(validity_injection.tracer_edge, numbers(), [{"tracer_reached_1_mL": volume}])) == flagged
    assert not raised(validity_injection.tracer_edge, numbers(), [{"needle_pressure_Pa": 1.0}])
