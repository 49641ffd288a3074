"""The track as part of the flow: it conserves, mirrors, repeats itself, cracks the tissue at its holes."""

from functools import partial

import numba
import numpy as np
import pytest
from flow_track_cases import RATE, SHAPE, TIGHT, TIP, Case, H, needle
from scipy.sparse import coo_matrix
from scipy.sparse.linalg import spsolve

from oxablate.numerics.unsymmetric import SidedFaces, UnsymmetricSolver
from oxablate.physics.flow.closures import FixedConductivity, RigidPores, SealedTissue, TissueFlow
from oxablate.physics.flow.step import FlowModel
from oxablate.physics.track.closures import ClosedTip
from oxablate.physics.track.shafts import Hold, SideHole
from oxablate.physics.track.step import LowRank
from oxablate.quantities.refusal import BadInput
from oxablate.space.boundary import NoFlow, OuterFaces

TIGHT_NEEDLE = partial(needle, hold=TIGHT)
ASIDE = partial(needle, tip=(6.4, 5.2, 4.6), hold=Hold(2e3, 1e4, 0.0))


def with_holes(unit):
    """A closed needle with side holes in a tight track."""
    holes = tuple(SideHole(d * unit.m, 0.1e-3 * unit.m) for d in (1e-3, 3e-3))
    return needle(unit, tip=(4.3, 4.1, 3.6), hold=TIGHT, opening=ClosedTip(), holes=holes)


# -- the needle's pressure --------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("cracking", "rate", "seconds"), [(False, 2e-12, 1e5), (False, 2e-10, 1e5), (True, RATE, 0.5)])
def test_a_tight_track_has_the_pressure_of_an_end_hole(cracking, rate, seconds):
    """A gap that never opens, against the well index: intact pores, pores that open, and cracks; 1 %.

    Without cracks late: both take the profile within their voxels as steady, and they spread over different ones.
    """
    plain = Case(None, cracking=cracking).go(3, seconds, rate)
    tight = Case(((TIGHT_NEEDLE,),), cracking=cracking).go(3, seconds, rate)
    expected = plain.flow.needle_pressure(plain.pressure, rate)
    assert tight.flow.needle_pressure(tight.pressure, rate) == pytest.approx(expected, rel=0.01)
    assert tight.flow.track_volume() == 0.0 and tight.fluid.lost["track exit"] == 0.0
    assert tight.flow.flows.needle.sum() == pytest.approx(rate, rel=1e-12)


def test_a_hole_cracks_tissue_whose_voxels_are_below_their_fracture_pressure():
    """At the wall of the hole the pressure is higher than in any voxel: leaving that out it would be in MPa."""
    case = Case(((TIGHT_NEEDLE,),)).go(1, 0.02)
    needle_pressure = case.flow.needle_pressure(case.pressure, RATE)
    assert case.pressure.max() < 9e3 and not case.flow.crack_volume(case.pressure).any()
    assert 1e4 < needle_pressure < 1.5e4


# -- the catechism ----------------------------------------------------------------------------------------------------


def test_the_ledger_closes_with_exit_cracks_and_memory():
    case = Case(memory=True).go(20)
    turnover = sum(case.fluid.gained.values())
    assert abs(case.held() - case.begun - case.fluid.net) <= 1e-12 * turnover
    assert case.fluid.gained["needle"] == pytest.approx(20 * 0.5 * RATE, rel=1e-13)
    assert case.fluid.lost["track exit"] > 1e-3 * turnover and case.flow.track_volume() > 1e-4 * turnover
    assert case.flow.joint.memory.greatest.any() and case.flow.crack_volume(case.pressure).any()


def test_cracks_and_pores_each_balance_with_one_exchange():
    """What the cracks' balance says the pores give is what the pores' own balance says they lose."""
    case = Case(((needle,), (ASIDE,))).go(4, 0.5, ((RATE, 0.0), (0.0, 0.0)))
    before, ratio, volume = case.flow.crack_volume(case.pressure), case.ratio.copy(), case.grid.voxel_volume
    case.go(1, 0.5, ((RATE, 0.0), (0.0, 0.0)), 1e-11)
    after, flows = case.flow.crack_volume(case.pressure), case.flow.flows
    cracked = sum(np.diff(q, axis=axis) for axis, q in enumerate(flows.crack_faces))
    exchange = (after - before) * volume / 0.5 + cracked - flows.crack_needle + flows.crack_drawn
    pores = [q - c for q, c in zip(flows.faces, flows.crack_faces, strict=True)]
    inflow = -sum(np.diff(q, axis=axis) for axis, q in enumerate(pores))
    inflow += flows.needle - flows.crack_needle - (flows.drawn - flows.crack_drawn)
    inflow += flows.gained - flows.drained - flows.lymph - exchange
    grown = ((case.ratio - ratio) - (after - before)) * volume / 0.5
    np.testing.assert_allclose(inflow, grown, atol=1e-12 * RATE)
    assert np.abs(exchange).max() > 1e-3 * RATE and not exchange[:, :, 0].any()  # far off nothing ever opened


def test_the_parts_of_the_flows_are_parts():
    case = Case(((needle,), (ASIDE,))).go(5, 0.5, ((RATE, 0.0), (0.0, 0.0)))
    flows = case.flow.flows
    assert np.all(flows.crack_needle >= 0.0) and np.all(flows.crack_needle <= flows.needle)
    assert np.all(flows.crack_drawn >= 0.0) and np.all(flows.crack_drawn <= flows.drawn)
    assert flows.drawn.sum() > 1e-4 * RATE  # the second needle's gap drains tissue that the first one fills
    assert flows.crack_needle.sum() > 0.5 * RATE
    net = flows.needle.sum() - flows.drawn.sum()
    stored = flows.track.given - flows.track.taken - flows.track.lost + flows.track.sucked - net
    assert abs(stored) < 0.5 * RATE
    cracked = max(np.abs(q).max() for q in flows.crack_faces)
    assert cracked > 1e-2 * RATE
    assert all(np.all(q * c >= 0.0) for q, c in zip(flows.faces, flows.crack_faces, strict=True))


def test_without_a_dose_nothing_happens():
    case = Case().go(3, 10.0, 0.0)
    assert np.abs(case.pressure - case.flow.rest).max() <= 1e-9 and np.abs(case.ratio - 1.0).max() <= 1e-12
    assert case.flow.track_volume() == 0.0 and case.fluid.lost["track exit"] == 0.0
    assert not case.flow.flows.needle.any() and not case.flow.flows.drawn.any()


def test_the_same_bytes_twice_and_on_any_number_of_threads():
    first, threads = Case().go(5), numba.get_num_threads()
    try:
        numba.set_num_threads(1)
        second = Case().go(5)
    finally:
        numba.set_num_threads(threads)
    assert first.pressure.tobytes() == second.pressure.tobytes()
    assert first.ratio.tobytes() == second.ratio.tobytes()
    assert first.track.volume.tobytes() == second.track.volume.tobytes()


def test_cut_anywhere_and_resumed_it_gives_the_same_bytes():
    whole, first = Case(memory=True).go(8), Case(memory=True).go(3)
    kept = {name: array.copy() for name, array in first.flow.kept().items()}
    assert kept["track_volume"].any() and kept["crack_greatest"].any()
    second = Case(memory=True)
    second.pressure, second.ratio = first.pressure.copy(), first.ratio.copy()
    second.flow.restore(kept)
    second.go(5)
    assert second.pressure.tobytes() == whole.pressure.tobytes() and second.ratio.tobytes() == whole.ratio.tobytes()
    for name, array in whole.flow.kept().items():
        assert second.flow.kept()[name].tobytes() == array.tobytes()


@pytest.mark.parametrize("axis", [0, 1, 2])
def test_a_mirrored_subject_leaks_the_mirror_image(axis):
    def other(unit):
        tip = [SHAPE[axis] - 1 - x if n == axis else x for n, x in enumerate(TIP)]
        return needle(unit, tip=tip, up=(0.0, 0.0, -1.0 if axis == 2 else 1.0))

    straight, mirrored = Case().go(4, tolerance=1e-11), Case(((other,),), flip=axis).go(4, tolerance=1e-11)
    assert straight.flow.crack_volume(straight.pressure).any() and straight.flow.track_volume() > 0.0
    assert np.flip(mirrored.pressure, axis) == pytest.approx(straight.pressure, abs=1e-7 * straight.pressure.max())
    assert mirrored.track.volume == pytest.approx(straight.track.volume, rel=1e-7)


def test_other_units_give_the_same_answer():
    """mm, g, min: every field to 1e-10 of its largest value, with exit, cracks and memory."""
    si = Case(memory=True).go(5, tolerance=1e-12)
    other = Case(units=(1e-3, 1e-3, 60.0), memory=True).go(5, tolerance=1e-12)
    unit = other.unit
    assert np.abs(other.pressure / unit.pa - si.pressure).max() <= 1e-10 * si.pressure.max()
    assert np.abs(other.ratio - si.ratio).max() <= 1e-10
    volume = other.track.volume / unit.m**3
    assert np.abs(volume - si.track.volume).max() <= 1e-9 * si.track.volume.max() > 0.0
    lost = other.flow.flows.track.lost / unit.flow
    assert lost == pytest.approx(si.flow.flows.track.lost, rel=1e-8) and lost > 1e-3 * RATE


# -- needles ----------------------------------------------------------------------------------------------------------


def test_two_hubs_in_turn_each_give_what_their_drive_says():
    """A pump, then a hand whose rate falls with the pressure at its hub."""
    case = Case(((needle,), (partial(needle, tip=(6.4, 5.2, 4.6)),)))
    case.go(2, 0.5, ((RATE, 0.0), (0.0, 0.0)))
    assert case.flow.flows.track.given == pytest.approx(RATE, rel=1e-12)
    case.go(6, 0.5, ((0.0, 0.0), (RATE, RATE / 2e4)))
    hub = case.track.hub_pressures()[1]
    assert hub > case.track.opening_pressures()[1] > 9e3
    assert case.flow.flows.track.given == pytest.approx(RATE - RATE / 2e4 * hub, rel=0.02)
    assert case.flow.needle_pressure(case.pressure, 0.0) == case.track.opening_pressures().max()


def test_side_holes_crack_where_they_are():
    case = Case(((with_holes,),)).go(5)
    first, second = case.track.openings[0]
    leak = case.track.network.contacts
    assert leak.conductance[[first, second]].min() > 0.0
    assert case.flow.flows.needle.sum() == pytest.approx(RATE, rel=1e-12)
    assert case.flow.crack_volume(case.pressure).any()
    assert 1e4 < case.flow.needle_pressure(case.pressure, RATE) < 2e4


def test_a_needle_drawn_back_goes_on_with_the_same_fluid():
    case = Case().go(4)
    before = case.flow.track_volume()
    case.track = case.track.drawn_back(0, 0, 1.1 * H)
    case.flow.swap_track(case.track)
    assert case.flow.track_volume() == before > 0.0
    case.go(4)
    turnover = sum(case.fluid.gained.values())
    assert abs(case.held() - case.begun - case.fluid.net) <= 1e-12 * turnover
    assert case.track.openings[0][0] == case.track.nodes[0][0][1 + int(1.1 * 9 / 6)]


# -- the law of a contact ---------------------------------------------------------------------------------------------


def test_equal_pressures_drive_no_leak_though_every_voxel_has_its_own_fracture_pressure():
    case = Case()
    level = 1.3e4
    walls = case.flow.along.law.at(None, np.full(SHAPE, level))
    difference, _ = walls.difference(np.full(case.track.network.size, level))
    assert not difference.any()


def test_the_slopes_of_the_law_are_those_of_its_values():
    """By the node and by the voxels, against central differences, over and under the fracture pressure."""
    case, random = Case(), np.random.default_rng(3)
    law, count = case.flow.along.law, case.track.network.size
    pressure = 1e4 * (0.8 + 0.4 * random.random(SHAPE))
    nodes = 1e4 * (0.8 + 0.5 * random.random(count))
    walls = law.at(None, pressure)
    _, slope = walls.difference(nodes)
    d = 1e-3
    number = (walls.difference(nodes + d)[0] - walls.difference(nodes - d)[0]) / (2 * d)
    touching = case.track.network.contacts.conductance > 0
    np.testing.assert_allclose(slope[touching], number[touching], rtol=1e-6)
    way = random.standard_normal(SHAPE)
    high, low = (law.at(None, pressure + s * d * way).difference(nodes)[0] for s in (1.0, -1.0))
    cells = case.track.network.contacts.cells
    np.testing.assert_allclose(walls.columns @ way.ravel()[cells], (low - high) / (2 * d), rtol=1e-4, atol=1e-3)


def test_enough_is_enough():
    """At the bound the law's difference reaches what was asked for, in tissue at rest and in cracked tissue."""
    case = Case()
    count, touching = case.track.network.size, case.track.network.contacts.conductance > 0
    for level in (0.0, 1.2e4):
        walls = case.flow.along.law.at(None, np.full(SHAPE, level))
        for needed in (1.0, 1e6, 1e12):
            bound = walls.enough(np.full(count, needed))
            reached, _ = walls.difference(np.where(touching, bound, 0.0))
            assert np.all(reached[touching] >= needed * (1 - 1e-9))


# -- what is refused, and what ends as a value ------------------------------------------------------------------------


def test_what_is_refused():
    case = Case(((needle,), (ASIDE,)))
    with pytest.raises(BadInput, match="one flow rate came for 2 hubs"):
        case.flow.try_step(case.pressure, case.ratio, case.ones, RATE, 0.5)
    rigid = TissueFlow(0.3, RigidPores(), FixedConductivity(), SealedTissue())
    label, active = np.zeros(SHAPE, np.uint8), np.ones(SHAPE, bool)
    with pytest.raises(BadInput, match="rigid pores"):
        FlowModel(
            case.grid, (rigid,), label, np.full(SHAPE, 1e-13), active, OuterFaces.uniform(NoFlow()), None, case.track
        )


def test_a_hopeless_step_ends_as_a_value():
    case = Case().go(2)
    volume = case.track.volume.copy()
    done = case.flow.try_step(np.full(SHAPE, np.nan), case.ratio, case.ones, RATE, 1.0)
    assert not done.outcome.ok and "Remedy" in str(done.outcome)
    assert np.array_equal(case.track.volume, volume)
    case.go(1)  # and the next one is as good as ever


# -- the linear solver ------------------------------------------------------------------------------------------------


def test_a_low_rank_addition_is_solved_exactly():
    """Faces plus W^T S V, scaled columns, against SciPy's sparse LU; as many directions as that takes."""
    shape, random = (7, 6, 5), np.random.default_rng(7)
    number = np.arange(np.prod(shape)).reshape(shape)
    ones = [np.ones(shape) for _ in range(3)]
    ones[0][-1], ones[1][:, -1], ones[2][:, :, -1] = 0.0, 0.0, 0.0
    diagonal, scale = np.full(shape, 0.01), np.exp(random.normal(0.0, 1.0, shape))
    rows, columns, values = [number.ravel()], [number.ravel()], [diagonal.ravel()]
    for axis in range(3):
        low, up = np.delete(number, -1, axis).ravel(), np.delete(number, 0, axis).ravel()
        for a, b, v in ((low, low, 1.0), (low, up, -1.0), (up, up, 1.0), (up, low, -1.0)):
            rows, columns, values = [*rows, a], [*columns, b], [*values, np.full(len(a), v)]
    matrix = coo_matrix((np.concatenate(values), (np.concatenate(rows), np.concatenate(columns)))).tocsc()
    cells = np.sort(random.choice(number.size, 24, replace=False))
    weights = coo_matrix((np.full(24, 1 / 6), (np.repeat(np.arange(4), 6), np.arange(24))), shape=(4, 24)).tocsr()
    stiffness = np.eye(4) * 3.0 - 0.7
    low_rank = LowRank(cells, weights, 2.0 * weights, stiffness).scaled(scale)
    wide = np.zeros((4, number.size))
    wide[:, cells] = weights.toarray()
    full = matrix + coo_matrix(wide.T @ stiffness @ (2.0 * wide / scale.ravel())).tocsc()
    rhs = random.normal(size=shape)
    solver, x = UnsymmetricSolver(shape), np.zeros(shape)
    solver.setup(SidedFaces(tuple(ones), tuple(ones), diagonal), low_rank)
    outcome = solver.solve(rhs, x, 1e-11 * np.linalg.norm(rhs), 200)
    exact = spsolve(full.tocsc(), rhs.ravel()).reshape(shape)
    assert outcome.ok and outcome.iterations <= 40
    assert x == pytest.approx(exact, rel=1e-8, abs=1e-9 * np.abs(exact).max())
