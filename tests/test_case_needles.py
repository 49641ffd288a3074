"""Needles, drives, cracks and track in a case: what is read, what is refused, what reaches the models."""

from itertools import pairwise

import numpy as np
import pytest
from cases import small_data
from needle_cases import HAND, ML, OTHER, SITES, TUBE, ready, tube, tube_and

from oxablate.anatomy.tissue import Tissue
from oxablate.device.gauge import tube_of_gauge
from oxablate.device.hand import HandSyringe
from oxablate.device.needles import EndHoleNeedle, SideHoleNeedle
from oxablate.experiments.uncertain import numbers_of, with_numbers
from oxablate.physics.flow.closures import CrackedTissues
from oxablate.physics.flow.crack_closures import CubicCracks, NoCracks, NonLocalMemory
from oxablate.physics.track.closures import ClosedTip, OpenExit, SealedEnd
from oxablate.physics.track.step import TrackNetwork
from oxablate.protocol.case import parse_case
from oxablate.protocol.cracking import cracked_tissues, damage_resolved, distance_to
from oxablate.protocol.elastic import shear_modulus
from oxablate.protocol.setting import tissue_flows
from oxablate.space.grid import VoxelGrid

# -- what the model leaves to the rest of the case -------------------------------------------------------------------


def model_of(model: dict, **changes):
    return parse_case(small_data(model={"beyond": "tissue", "injury": "none"} | model, **changes), "case").model


@pytest.mark.parametrize(("pores", "cracks"), [("opening", "cubic"), ("linear", "none"), ("rigid", "none")])
def test_tissue_whose_pores_open_cracks_unless_the_case_says_no(pores, cracks):
    assert model_of({"pores": pores}).cracks == cracks
    assert model_of({"pores": pores, "cracks": "none"}).cracks == "none"


def test_a_tube_whose_way_is_known_has_a_gap_unless_the_case_says_no():
    assert model_of({"pores": "opening"}).track == "tight"
    assert model_of({"pores": "opening"}, **TUBE).track == "gap"
    assert model_of({"pores": "opening", "track": "tight"}, **TUBE).track == "tight"
    assert model_of({"pores": "rigid"}, **TUBE).track == "tight", "a gap needs pores that give way"
    assert model_of({"pores": "opening"}, needle=SITES, injection__needles="at_once").track == "gap"


# -- needles and drives -----------------------------------------------------------------------------------------------


def test_one_end_hole_and_a_pump_is_all_there_was_before():
    setting = ready()
    delivery = setting.delivery
    assert delivery.simple and delivery.tips == (setting.tip,) == delivery.openings
    assert delivery.events() == (0.0, setting.pump.end) and delivery.withdrawn(5.0) == (0.0,)
    assert delivery.drives(delivery.begin(3.0), 0.0, 2.0) == ((setting.pump.flow_rate, 0.0),)
    assert np.array_equal(delivery.begin(3.0), [[0.0, 0.0]])
    assert delivery.delivered(30.0, delivery.begin(0.0)) == setting.pump.delivered(30.0)


def test_a_tube_reaches_the_track_with_the_radii_of_the_table():
    setting = ready(**TUBE)
    groups, viscosity = setting.delivery.shaft_groups(
        setting.subject, setting.parameters, setting.subject.grid, setting.subject.body_mask
    )
    ((shaft,),) = groups
    known = tube_of_gauge(22, 0.06)
    assert (shaft.tube.outer_radius, shaft.tube.inner_radius, shaft.tube.length) == (
        known.outer_radius, known.inner_radius, 0.06,
    )  # fmt: skip
    assert isinstance(shaft.ending, OpenExit) and shaft.ending.pressure == 0.0
    h = setting.subject.grid.spacing[0]
    depth = setting.tip[1] + shaft.depth * -1.0  # the shaft goes straight towards -y
    surface = -5e-3 - 9e-3  # skin 5 mm above a tumour of 9 mm
    assert abs(depth - surface) < h, "the shaft ends where the body does, to a voxel"
    assert viscosity == setting.parameters["mechanics"]["viscosity"].si
    section = setting.parameters["tumour_viable"]
    nu, modulus = section["poisson_ratio"].si, section["aggregate_modulus"].si
    by_young = modulus * (1 + nu) * (1 - 2 * nu) / (1 - nu) / (2 * (1 + nu))  # G = E / (2 (1 + nu))
    assert shaft.hold.shear_modulus[0] == pytest.approx(by_young, rel=1e-12)
    assert shaft.hold.contact_stress[0] == section["contact_stress"].si


def test_a_shaft_between_two_tissues_is_held_by_both():
    """The stress of a piece lies between those of the tissues it touches, and the stiffer skin ends the shaft."""
    override = {"skin.contact_stress": "9 kPa", "host.contact_stress": "3 kPa", "tumour_viable.contact_stress": "1 kPa"}
    setting = ready(**tube_and(parameters__override=override))
    ((shaft,),), _ = setting.delivery.shaft_groups(
        setting.subject, setting.parameters, setting.subject.grid, setting.subject.body_mask
    )
    stress = shaft.hold.contact_stress
    assert stress[0] == 1e3 and stress[-1] > 3e3 and np.all(np.diff(stress) >= 0)


def test_a_tight_track_passes_nothing_whatever_the_pressure():
    setting = ready(
        **tube_and(model__track="tight", injection__needles="at_once", needle=TUBE["needle"] | {"others": [OTHER]})
    )
    subject = setting.subject
    groups, viscosity = setting.delivery.shaft_groups(subject, setting.parameters, subject.grid, subject.body_mask)
    assert all(isinstance(shaft.ending, SealedEnd) for group in groups for shaft in group)
    track = TrackNetwork.in_voxels(
        groups, viscosity, subject.grid, np.full(subject.grid.shape, 1e-12), subject.body_mask
    )
    rest = np.zeros(subject.grid.shape)
    track.begin(rest)
    answer = track.respond(rest, track.inlets(setting.delivery.drives(setting.delivery.begin(0.0), 0.0, 1.0)), 1.0)
    assert answer.outcome.ok and answer.pressure.max() > 1e4
    assert answer.lost.size == 0 and np.all(answer.volume == 0.0) and np.all(answer.width() == 0.0)


def test_side_holes_lie_where_the_case_says_and_close_the_tip():
    wide = tube_and(subject__phantom__spacing="1 mm")
    wide["needle"] = TUBE["needle"] | {"side_holes": {"distances": ["2 mm", "5 mm"], "radii": ["0.1 mm", "0.1 mm"]}}
    setting = ready(**wide)
    assert isinstance(setting.delivery.needles[0], SideHoleNeedle) and not setting.delivery.simple
    np.testing.assert_allclose(setting.delivery.openings, [(0, -2e-3, 0), (0, -5e-3, 0)], atol=1e-12)
    ((shaft,),), _ = setting.delivery.shaft_groups(
        setting.subject, setting.parameters, setting.subject.grid, setting.subject.body_mask
    )
    assert isinstance(shaft.opening, ClosedTip) and [hole.distance for hole in shaft.holes] == [2e-3, 5e-3]


@pytest.mark.parametrize(
    ("needles", "hubs", "events"),
    [("one_hub", 1, (0.0, 120.0)), ("at_once", 2, (0.0, 60.0)), ("in_turn", 2, (0.0, 60.0, 90.0, 150.0))],
)
def test_several_needles_give_the_volume_together(needles, hubs, events):
    injection = {"volume": "20 uL", "flow_rate": "10 uL/min", "needles": needles}
    injection |= {"change": "30 s"} if needles == "in_turn" else {}
    setting = ready(**tube_and(injection=injection, needle=TUBE["needle"] | {"others": [OTHER]}))
    delivery = setting.delivery
    assert len(delivery.hubs) == hubs and len(delivery.tips) == 2
    assert delivery.events() == pytest.approx(events)
    assert setting.pump.volume == pytest.approx(20e-9) and delivery.delivered(
        1e3, delivery.begin(0.0)
    ) == pytest.approx(20e-9)
    assert setting.pump.end == pytest.approx(events[-1])
    rate = 10e-9 / 60
    assert setting.pump.flow_rate == pytest.approx(2 * rate if needles == "at_once" else rate)
    times = np.linspace(0.0, 200.0, 41)
    given = sum(sum(q for q, _ in delivery.drives(delivery.begin(0.0), a, b)) * (b - a) for a, b in pairwise(times))
    assert given == pytest.approx(20e-9, rel=1e-12)


def test_the_record_can_draw_every_needle():
    setting = ready(**tube_and(needle=TUBE["needle"] | {"others": [OTHER]}, injection__needles="one_hub"))
    one, two = setting.delivery.about()
    assert one["hub"] == two["hub"] == 0 and two["tip_lps_m"] == [0.006, 0.0, 0.0]
    assert one["entry_lps_m"] == [0.0, -0.015, 0.0] and one["openings_lps_m"] == [one["tip_lps_m"]]
    assert one["length_m"] == 0.06 and one["outer_radius_m"] == tube_of_gauge(22, 0.06).outer_radius
    (plain,) = ready().delivery.about()
    assert plain["entry_lps_m"] == [] and plain["tip_lps_m"] == list(ready().tip) and "length_m" not in plain


def test_needles_spread_over_the_tumour_come_from_one_side():
    setting = ready(**tube_and(needle=SITES, injection__needles="at_once"))
    needles = setting.delivery.needles
    assert len(needles) == 4 and all(isinstance(needle, EndHoleNeedle) for needle in needles)
    tumour = setting.subject
    for needle in needles:
        assert tumour.tissue_at(tuple(1e3 * x for x in needle.course.tip)) is Tissue.TUMOUR_VIABLE
        direction = np.subtract(needle.course.entry, needle.course.tip) / needle.course.length
        np.testing.assert_allclose(direction, (0, -1, 0), atol=1e-12)
        assert tumour.tissue_at(tuple(1e3 * x for x in needle.course.entry)) is Tissue.AIR
    tips = np.array(setting.delivery.tips)
    np.testing.assert_allclose(tips.mean(axis=0), 0.0, atol=1e-9)  # the tumour is its own mirror image


def test_ras_and_lps_place_the_same_needles():
    lps = ready(
        **tube_and(
            needle=TUBE["needle"] | {"others": [OTHER], "tip": ["1 mm", "2 mm", "3 mm"]}, injection__needles="at_once"
        )
    )
    other = {"tip": ["-6 mm", "0 mm", "0 mm"], "entry": ["-6 mm", "15 mm", "0 mm"]}
    turned = {"frame": "RAS", "tip": ["-1 mm", "-2 mm", "3 mm"], "entry": ["0 mm", "15 mm", "0 mm"], "others": [other]}
    needle = TUBE["needle"] | turned
    ras = ready(**tube_and(needle=needle, injection__needles="at_once"))
    np.testing.assert_allclose(ras.delivery.tips, lps.delivery.tips, atol=1e-15)
    assert [n.course.entry for n in ras.delivery.needles] == [n.course.entry for n in lps.delivery.needles]


def test_phases_follow_each_other_and_are_events():
    phases = [{"give": "4 uL", "flow_rate": "8 uL/min"}, {"pause": "10 s"}, {"give": "1 uL", "flow_rate": "2 uL/min"}]
    setting = ready(injection={"phases": phases, "start": "5 s"})
    assert setting.delivery.simple and setting.delivery.events() == pytest.approx((5.0, 35.0, 45.0, 75.0))
    assert setting.pump.volume == pytest.approx(5e-9) and setting.pump.mean_flow(35.0, 45.0) == 0.0
    assert setting.pump.flow_rate == pytest.approx(8e-9 / 60)


def test_a_hand_gives_way_and_its_state_is_kept_in_an_array():
    """Against the syringe itself, step by step."""
    setting = ready(**tube_and(injection={"volume": "0.5 mL", "hand": HAND}))
    delivery = setting.delivery
    syringe = HandSyringe(0.5 * ML, 1.0 * ML, 300e3, 1e-14, 0.0)
    assert not delivery.simple and delivery.hubs[0].drive == syringe
    state, own = delivery.begin(700.0), syringe.begin(700.0)
    for begin, until, pressure in ((0.0, 0.2, 5e4), (0.2, 0.7, 1.2e5), (0.7, 0.9, 2.9e5)):
        assert delivery.drives(state, begin, until) == (syringe.inlet(own, begin, until),)
        before = state.copy()
        after = delivery.advanced(state, [pressure], begin, until)
        assert np.array_equal(state, before), "the old state stays, a step may be refused"
        state, own = after, syringe.advanced(own, pressure, begin, until)
        assert tuple(state[0]) == (own.pressure, own.pushed)
    assert delivery.delivered(0.9, state) == own.pushed
    assert setting.pump.volume == 0.5 * ML and setting.pump.end == pytest.approx(0.5)


def test_a_needle_is_drawn_back_in_strides_of_a_voxel_at_most():
    back = {"times": ["10 s", "30 s", "40 s"], "distances": ["0 mm", "6 mm", "6 mm"]}
    delivery = ready(**tube(withdrawal=back)).delivery
    assert not delivery.simple
    times, far = zip(*delivery.moves, strict=True)
    assert far == pytest.approx((2e-3, 4e-3, 6e-3)) and times == pytest.approx((10 + 20 / 3, 10 + 40 / 3, 30.0))
    assert set(times) <= set(delivery.events())
    assert delivery.withdrawn(0.0) == (0.0,) and delivery.withdrawn(99.0) == pytest.approx((6e-3,))
    for time, distance in delivery.moves:
        assert delivery.withdrawn(time) == (distance,) == delivery.withdrawn(time * (1.0 - 1e-12))
        assert delivery.withdrawn(time - 0.1) < (distance,)


# -- cracks ----------------------------------------------------------------------------------------------------------

CRACKS = dict(model__cracks="cubic")


def test_every_tissue_cracks_but_air_and_each_by_its_own_numbers():
    setting = ready(**tube_and(**CRACKS, model__crack_memory="non_local"))
    found = cracked_tissues(setting)
    assert isinstance(found, CrackedTissues) and isinstance(found.memory, NonLocalMemory)
    assert isinstance(found.tissues[Tissue.AIR].cracks, NoCracks)
    plain = tissue_flows(setting)
    for tissue in Tissue:
        if tissue is Tissue.AIR:
            continue
        law, section = found.tissues[tissue].cracks, setting.parameters[tissue.word]
        nu, modulus = section["poisson_ratio"].si, section["aggregate_modulus"].si
        young = modulus * (1 + nu) * (1 - 2 * nu) / (1 - nu)
        assert isinstance(law, CubicCracks) and law.plane_modulus == pytest.approx(young / (1 - nu**2), rel=1e-12)
        assert (law.length, law.spacing) == (section["crack_length"].si, section["crack_spacing"].si)
        assert found.tissues[tissue].row().tolist() == plain[tissue].row().tolist(), "the pores stay what they were"
    assert cracked_tissues(ready()) == tissue_flows(ready()), "without cracks, plain tissue"


def test_the_fracture_pressure_has_the_stated_middle_and_spread():
    """Of ln p_frac inside one tissue: mean and variance of the case, to what a few correlation volumes give."""
    field = cracked_tissues(
        ready(
            **CRACKS,
            subject__phantom__spacing="1 mm",
            parameters__override={
                "mechanics.fracture_correlation_length": "2 mm",
                "mechanics.fracture_log_variance": "0.3",
            },
        )
    ).fracture_pressure
    logs = np.log(field / 30e3)
    count = field.size / 2.0**3  # about so many independent values
    assert abs(logs.mean()) < 5 * np.sqrt(0.3 / count)
    assert logs.var() == pytest.approx(0.3, rel=0.2)


def test_the_fracture_pressure_is_fixed_in_space_and_of_its_own_seed():
    """A grid twice as fine samples the same field; another seed gives another; the conductivity is no part of it."""
    fields = {}
    for name, changes in {
        "coarse": {},
        "again": {},
        "fine": dict(subject__phantom__spacing="1 mm"),
        "seed": dict(seed=2),
        "conductivity": dict(subject__phantom__recipe__heterogeneity={"kind": "uniform"}),
    }.items():
        setting = ready(**CRACKS, **changes)
        fields[name] = cracked_tissues(setting).fracture_pressure
        grid = setting.subject.grid
        if name == "fine":
            fine_grid = grid
        elif name == "coarse":
            coarse_grid = grid
    assert np.array_equal(fields["coarse"], fields["again"])
    assert np.array_equal(fields["coarse"], fields["conductivity"])
    assert abs(np.corrcoef(np.log(fields["coarse"]).ravel(), np.log(fields["seed"]).ravel())[0, 1]) < 0.5
    where = coarse_grid.index_to_world(np.argwhere(np.ones(coarse_grid.shape)))
    at = fine_grid.world_to_index(where)
    from scipy.ndimage import map_coordinates

    between = map_coordinates(np.log(fields["fine"]), at.T, order=3).reshape(coarse_grid.shape)
    inner = (slice(2, -2),) * 3
    assert np.abs(between - np.log(fields["coarse"]))[inner].max() < 0.02


def test_the_same_seed_does_not_tie_the_cracks_to_the_conductivity():
    """A phantom drawn with the case's own seed and length: its conductivity and fracture pressure stay apart."""
    drawn = {"kind": "log_normal", "log_variance": 0.2, "correlation_length": "3 mm", "seed": 5}
    changes = dict(seed=5, subject__phantom__recipe__heterogeneity=drawn)
    setting = ready(**CRACKS, **changes, parameters__override={"mechanics.fracture_correlation_length": "3 mm"})
    fields = np.log(cracked_tissues(setting).fracture_pressure), np.log(setting.subject.heterogeneity)
    assert abs(np.corrcoef(*(field.ravel() for field in fields))[0, 1]) < 0.3


def test_a_piece_in_two_tissues_gives_way_like_both_in_a_row():
    """1/G of a piece is the mean of 1/G over the voxels it touches, so it lies between harmonic bounds of the two."""
    override = {"host.aggregate_modulus": "2 kPa", "tumour_viable.aggregate_modulus": "200 kPa"}
    setting = ready(**tube_and(parameters__override=override))
    grid, subject = setting.subject.grid, setting.subject
    ((shaft,),), _ = setting.delivery.shaft_groups(subject, setting.parameters, grid, subject.body_mask)
    soft, stiff = (shear_modulus(setting.parameters[word]) for word in ("host", "tumour_viable"))
    from oxablate.physics.track.contacts import line_cells

    mixed = 0
    for n, middle in enumerate(shaft.middles()):
        cells, shares, _ = line_cells(
            grid, subject.body_mask, middle, shaft.axis, shaft.depth / shaft.pieces, shaft.tube.outer_radius
        )
        label = subject.labels[tuple(cells.T)]
        if set(label) == {Tissue.HOST, Tissue.TUMOUR_VIABLE}:
            share = float(shares[label == Tissue.HOST].sum())
            mixed += 1
            assert 1.0 / shaft.hold.shear_modulus[n] == pytest.approx(share / soft + (1.0 - share) / stiff, rel=1e-12)
    assert mixed


def test_tissue_is_weaker_along_the_needle_and_at_the_capsule():
    override = {"mechanics.fracture_log_variance": "0", "mechanics.track_damage_radius": "2 mm"}
    changes = CRACKS | dict(parameters__override=override, subject__phantom__spacing="1 mm")
    changes |= dict(subject__phantom__recipe__capsule={"kind": "capsule", "thickness": "2 mm"})
    setting = ready(**tube_and(**changes))
    field, subject = cracked_tissues(setting).fracture_pressure, setting.subject
    far = distance_to(setting.tip, setting.delivery.needles[0].course.entry, subject.grid) > 4e-3
    p = {
        t: setting.parameters[t.word]["fracture_pressure"].si
        for t in (Tissue.TUMOUR_VIABLE, Tissue.CAPSULE, Tissue.HOST)
    }
    assert p[Tissue.CAPSULE] < p[Tissue.TUMOUR_VIABLE]
    for tissue, value in p.items():
        np.testing.assert_allclose(field[far & (subject.labels == tissue)], value, rtol=1e-12)
    tip = tuple(np.rint(subject.grid.world_to_index(setting.tip)).astype(int))
    assert field[tip] == pytest.approx(0.5 * p[Tissue.TUMOUR_VIABLE])


def test_a_weak_zone_thinner_than_the_voxels_is_left_out():
    """Smeared over voxels it would be a weak column whose place follows the grid."""
    override = {"mechanics.fracture_log_variance": "0", "mechanics.track_damage_radius": "1.9 mm"}
    setting = ready(**tube_and(**CRACKS | dict(parameters__override=override, subject__phantom__spacing="1 mm")))
    assert not damage_resolved(setting)
    field, label = cracked_tissues(setting).fracture_pressure, setting.subject.labels
    value = setting.parameters["tumour_viable"]["fracture_pressure"].si
    np.testing.assert_allclose(field[label == Tissue.TUMOUR_VIABLE], value, rtol=1e-12)


def test_distance_to_a_piece_of_line_by_hand():
    grid = VoxelGrid((5, 4, 3), (1.0, 2.0, 1.0), (0.0, 0.0, 0.0))
    far = distance_to((1.0, 0.0, 0.0), (3.0, 0.0, 0.0), grid)
    assert far[2, 0, 0] == 0.0 and far[2, 1, 0] == 2.0 and far[0, 0, 0] == 1.0
    assert far[4, 2, 1] == pytest.approx(np.sqrt(1 + 16 + 1))


def test_linear_pores_follow_hookes_law_and_conduct_as_at_rest():
    row = {t: flow.row() for t, flow in zip(Tissue, tissue_flows(ready(model__pores="linear")), strict=True)}
    flow = tissue_flows(ready(model__pores="linear"))[Tissue.HOST]
    modulus = ready().parameters["host"]["aggregate_modulus"].si
    assert flow.pores.strain(0.3 * modulus) == pytest.approx(0.3, rel=1e-12)
    assert np.isinf(row[Tissue.HOST][3]), "no opening: the conductivity stays what it is at rest"


# -- tracer ----------------------------------------------------------------------------------------------------------


def test_a_tracer_rides_in_every_arm_but_its_own():
    arms = [{"agent": "vehicle"}, {"agent": "inert_tracer", "concentration": "2 g/L"}]
    setting = ready(arms=arms, tracer={"agent": "inert_tracer", "concentration": "1 g/L"})
    vehicle, own = setting.arms
    agent, concentration = vehicle.tracer
    assert agent.name == "inert_tracer" and concentration == pytest.approx(1.0 / 0.3423, rel=1e-4)
    assert own.tracer is None and all(arm.tracer is None for arm in ready(arms=arms).arms)


@pytest.mark.parametrize("at", [0.01, 0.99])
def test_a_sweep_draws_the_numbers_of_cracks_and_track_and_they_stay_possible(at):
    setting = ready(**tube_and(**CRACKS, model__crack_memory="non_local"))
    numbers = numbers_of(setting)
    places = {place for one in numbers.varied for place in one.used_for}
    assert {"tumour_viable.contact_stress", "mechanics.reopening_share", "skin.fracture_pressure"} <= places
    drawn = with_numbers(setting, numbers.varied, tuple(float(one.spread.ppf(at)) for one in numbers.varied))
    assert drawn.delivery is setting.delivery
    found = cracked_tissues(drawn)
    assert np.all(np.isfinite(found.fracture_pressure)) and not np.array_equal(
        found.fracture_pressure, cracked_tissues(setting).fracture_pressure
    )
