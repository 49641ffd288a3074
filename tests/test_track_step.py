"""The catechism of the track: conserves, does nothing unasked, mirrors, repeats itself, knows no units."""

from itertools import pairwise

import numpy as np
import pytest
from scipy.sparse import diags
from track_cases import CONDUCTIVITY, MODULUS, STRESS, VISCOSITY, block, end_hole, side_holes, track

from oxablate.physics.track.closures import ClosedTip, GapWall, OpenExit, OpenTip, SealedEnd
from oxablate.physics.track.network import Inlet, Network
from oxablate.physics.track.shafts import Hold, Shaft, SideHole, Tube
from oxablate.physics.track.step import TrackNetwork
from oxablate.physics.track.tissue import PlainTissue, PlainUptake
from oxablate.quantities.refusal import BadInput
from oxablate.space.grid import VoxelGrid

RATE = 5e-9


def run(needles, tissue, drives, duration=0.05, steps=6):
    """Steps at a fixed tissue pressure; returns answers, bookings, and the volume held at the start."""
    needles.begin(tissue)
    start, answers, bookings = needles.volume.sum(), [], []
    for _ in range(steps):
        answers.append(needles.respond(tissue, needles.inlets(drives), duration))
        assert answers[-1].outcome.ok, str(answers[-1].outcome)
        bookings.append(needles.accept(answers[-1]))
    return answers, bookings, start


def test_the_fluid_given_is_in_the_tissue_in_the_gap_or_lost():
    needles, (grid, *_) = track(), block()
    answers, bookings, start = run(needles, np.full(grid.shape, 50.0), [(RATE, 0.0)], steps=40)
    for booking in bookings:
        assert min((*booking.gained.values(), *booking.lost.values())) >= 0.0
    total = sum(booking.net for booking in bookings)
    given = sum(booking.gained["needle"] for booking in bookings)
    assert given == pytest.approx(40 * 0.05 * RATE, rel=1e-13)
    assert needles.volume.sum() - start == pytest.approx(total, abs=1e-12 * given)
    assert bookings[-1].lost["track exit"] > 0.2 * bookings[-1].gained["needle"]  # it got there in the end
    assert np.all(needles.volume >= 0.0) and bookings[0].lost["track exit"] == 0.0
    field = np.zeros(grid.shape)
    answers[-1].add_source(field)
    assert field.sum() == pytest.approx(answers[-1].leak.sum(), rel=1e-12)
    assert max(answer.mismatch for answer in answers) < 1e-10 * RATE


def test_without_a_dose_nothing_happens():
    grid, *_ = block()
    tissue = 80.0 + 40.0 * np.random.default_rng(1).random(grid.shape)  # below the contact stress
    needles = track(((end_hole()),))
    answers, bookings, start = run(needles, tissue, [(0.0, 0.0)])
    assert start == 0.0 and needles.volume.sum() == 0.0
    assert not np.any(answers[-1].leak) and not np.any(answers[-1].lost)
    assert all(booking.net == 0.0 and not any(booking.lost.values()) for booking in bookings)


def test_tissue_above_the_contact_stress_drains_along_the_shaft():
    grid, *_ = block()
    needles = track()
    _, bookings, start = run(needles, np.full(grid.shape, 2 * STRESS), [(0.0, 0.0)])
    assert start > 0.0 and bookings[-1].gained["tissue"] > 0.0
    assert bookings[-1].lost["track exit"] == pytest.approx(bookings[-1].gained["tissue"], rel=1e-6)


def test_below_the_contact_stress_all_goes_into_the_tissue():
    grid, *_ = block()
    needles = track()
    rate = 1e-3 * STRESS * needles.network.contacts.conductance.max()
    answers, *_ = run(needles, np.zeros(grid.shape), [(rate, 0.0)])
    assert answers[-1].lost.sum() == 0.0 and answers[-1].volume.sum() == 0.0
    assert answers[-1].leak.sum() == pytest.approx(rate, rel=1e-12)


def test_a_later_start_pressure_falls_and_the_gap_closes_behind_the_pulse():
    """Pump on, then off: the gap fills, then empties towards nothing, and never holds less than nothing."""
    grid, *_ = block()
    needles = track()
    run(needles, np.zeros(grid.shape), [(RATE, 0.0)], steps=10)
    held = [needles.volume.sum()]
    for _ in range(30):
        needles.accept(needles.respond(np.zeros(grid.shape), needles.inlets([(0.0, 0.0)]), 2.0))
        held.append(needles.volume.sum())
    assert held[0] > 0 and all(b <= a for a, b in pairwise(held)) and held[-1] < 1e-3 * held[0]


def test_a_step_in_two_stages_closes_its_ledger_and_is_second_order():
    """Alexander's scheme through `held` and `accept`: the volume held at a fixed time, against many small steps."""
    grid, *_ = block()
    tissue, gamma = np.zeros(grid.shape), 1 - 1 / np.sqrt(2)

    def held_after(steps, duration=0.04):
        needles = track(
            (end_hole(hold=Hold(-50.0, MODULUS, 0.0), ending=OpenExit(-50.0), pieces=11),)
        )  # open from the start: smooth in time
        needles.begin(tissue)
        inlets, step, start, net = needles.inlets([(RATE, 0.0)]), duration / steps, needles.volume.sum(), 0.0
        for _ in range(steps):
            first = needles.respond(tissue, inlets, gamma * step)
            base = needles.volume + (1 - gamma) * step * first.volume_rate
            second = needles.respond(tissue, inlets, gamma * step, None, first, base)
            assert first.outcome.ok and second.outcome.ok
            net += needles.accept(second, ((first, (1 - gamma) * step),), gamma * step).net
        assert needles.volume.sum() - start == pytest.approx(net, rel=1e-10)
        return needles.volume

    exact = held_after(256)
    errors = [np.abs(held_after(steps) - exact).sum() / exact.sum() for steps in (8, 16, 32)]
    assert errors[-1] < 1e-3 and np.log2(errors[0] / errors[-1]) / 2 > 1.7, errors


def test_the_same_twice_gives_the_same_bytes():
    grid, *_ = block()
    tissue = 100.0 * np.random.default_rng(2).random(grid.shape)
    first, second = (run(track(((side_holes()),)), tissue, [(RATE, 0.0)])[0][-1] for _ in range(2))
    assert first.pressure.tobytes() == second.pressure.tobytes() and first.leak.tobytes() == second.leak.tobytes()


@pytest.mark.parametrize("axis", [0, 1, 2])
def test_a_mirrored_needle_in_mirrored_tissue_leaks_the_mirror_image(axis):
    grid, *_ = block()
    tissue = 100.0 * np.random.default_rng(3).random(grid.shape)
    edge = grid.spacing[0] * grid.shape[0]

    def mirrored(point):
        return tuple(edge - x if n == axis else x for n, x in enumerate(point))

    plain = end_hole(tip=(0.0083, 0.0098, 0.0071), end=(0.0103, 0.0118, 0.0191))
    other = end_hole(tip=mirrored(plain.tip), end=mirrored(plain.end))
    one, two = np.zeros(grid.shape), np.zeros(grid.shape)
    run(track((plain,)), tissue, [(RATE, 0.0)])[0][-1].add_source(one)
    run(track((other,)), np.flip(tissue, axis), [(RATE, 0.0)])[0][-1].add_source(two)
    np.testing.assert_allclose(np.flip(two, axis), one, rtol=1e-9, atol=1e-12 * one.max())


def test_the_units_do_not_matter():
    """The same case in mm, g and min: pressures scale, fields agree to 1e-10 (E18)."""
    length, mass, time = 1e3, 1e3, 1 / 60.0  # numbers of m, kg, s in the new units
    pressure, flow = mass / (length * time**2), length**3 / time
    grid, conductivity, active = block()
    shaft = side_holes()
    needles = TrackNetwork.in_voxels(((shaft,),), VISCOSITY, grid, conductivity, active)
    tissue = 100.0 * np.random.default_rng(4).random(grid.shape)
    plain = run(needles, tissue, [(RATE, 1e-13)])[0][-1]
    scaled_grid = VoxelGrid(grid.shape, *(tuple(length * x for x in part) for part in (grid.spacing, grid.origin)))
    scaled = Shaft(
        tuple(length * x for x in shaft.tip),
        tuple(length * x for x in shaft.end),
        Tube(*(length * x for x in (shaft.tube.outer_radius, shaft.tube.inner_radius, shaft.tube.length))),
        Hold(STRESS * pressure, MODULUS * pressure, 0.0),
        ClosedTip(),
        OpenExit(0.0),
        shaft.pieces,
        tuple(SideHole(length * h.distance, length * h.radius) for h in shaft.holes),
    )
    mobility = length**2 / (pressure * time)
    others = TrackNetwork.in_voxels(
        ((scaled,),), VISCOSITY * pressure * time, scaled_grid, conductivity * mobility, active
    )
    drive = [(RATE * flow, 1e-13 * flow / pressure)]
    other = run(others, tissue * pressure, drive, duration=0.05 * time)[0][-1]
    np.testing.assert_allclose(other.pressure / pressure, plain.pressure, rtol=1e-10)
    np.testing.assert_allclose(other.leak / flow, plain.leak, rtol=1e-9, atol=1e-10 * plain.leak.max())
    np.testing.assert_allclose(other.volume / length**3, plain.volume, rtol=1e-10, atol=1e-10 * plain.volume.max())


def test_finer_pieces_closer_answer():
    """Lost share at 11, 22, 44, 88 pieces: differences fall."""
    grid, *_ = block()
    shares = []
    for pieces in (11, 22, 44, 88):
        needles = track((end_hole(pieces=pieces),))
        answer = needles.respond(np.zeros(grid.shape), needles.inlets([(RATE, 0.0)]), np.inf)
        shares.append(answer.lost.sum() / RATE)
    steps = np.abs(np.diff(shares))
    assert steps[-1] < 0.02 and steps[2] < steps[0], shares


def test_a_drive_that_gives_way_gives_less_the_harder_the_tissue_pushes():
    grid, *_ = block()
    needles = track()
    given = []
    for tissue in (0.0, 1e3, 1e4):
        answer = needles.respond(np.full(grid.shape, tissue), needles.inlets([(RATE, RATE / 2e4)]), np.inf)
        given.append(answer.given.sum())
    assert RATE > given[0] > given[1] > given[2] > 0.0


def test_the_lumen_loses_what_poiseuille_says():
    """Hub above cavity by 8 mu l Q / (pi r^4); the holes of a side-hole needle by mu (3/r^3 + 8 t/(pi r^4)) each."""
    grid, *_ = block()
    needles = track()
    answer = needles.respond(np.zeros(grid.shape), needles.inlets([(RATE, 0.0)]), np.inf)
    cavity = needles.nodes[0][0][0]
    lost = 8 * VISCOSITY * 0.09 * RATE / (np.pi * 0.2e-3**4)
    assert answer.pressure[needles.hubs[0]] - answer.pressure[cavity] == pytest.approx(lost, rel=1e-9)
    needles = track((side_holes(holes=(SideHole(4.1e-3, 0.1e-3),)),))
    answer = needles.respond(np.zeros(grid.shape), needles.inlets([(RATE, 0.0)]), np.inf)
    lumen, outside = needles.network.lumen.second
    hole = VISCOSITY * RATE * (3 / 0.1e-3**3 + 8 * 0.16e-3 / (np.pi * 0.1e-3**4))
    tube = 8 * VISCOSITY * (0.09 - 4.1e-3) * RATE / (np.pi * 0.2e-3**4)
    assert answer.pressure[lumen] - answer.pressure[outside] == pytest.approx(hole, rel=1e-9)
    assert answer.pressure[needles.hubs[0]] - answer.pressure[lumen] == pytest.approx(tube, rel=1e-9)
    assert outside == needles.nodes[0][0][1 + 8]  # 4.1 mm up, in pieces of half a millimetre


def test_prongs_share_what_the_hub_gets_by_what_stands_against_them():
    """Mirrored prongs take half each; one in tissue under pressure takes less."""
    grid, *_ = block()
    left, right = (end_hole(tip=(x, 0.01, 0.009), end=(x, 0.01, 0.02)) for x in (0.006, 0.014))
    needles = track((left, right))
    inlets = needles.inlets([(RATE, 0.0)])

    def shares(tissue):
        answer = needles.respond(tissue, inlets, np.inf)
        return needles.network.lumen.flow(answer.pressure) / RATE

    assert shares(np.zeros(grid.shape)) == pytest.approx([0.5, 0.5], rel=1e-9)
    tissue = np.zeros(grid.shape)
    tissue[:5] = 500.0
    first, second = shares(tissue)
    assert first < second and first + second == pytest.approx(1.0, rel=1e-9)


def test_a_needle_drawn_back_gives_its_fluid_further_up():
    grid, *_ = block()
    needles, heights = track((end_hole(ending=SealedEnd()),)), []
    run(needles, np.zeros(grid.shape), [(RATE, 0.0)], duration=1e-3, steps=2)
    for back in (2.6e-3, 7.6e-3):
        higher = needles.drawn_back(0, 0, back)
        assert higher.volume is needles.volume  # nothing is lost on the way
        answer = higher.respond(np.zeros(grid.shape), higher.inlets([(RATE, 0.0)]), 1e-3)
        assert answer.outcome.ok
        grown = answer.volume - needles.volume
        heights.append(int(np.argmax(grown)))
        assert grown.sum() * 1e3 + answer.leak.sum() == pytest.approx(RATE, rel=1e-12)
    assert heights[1] - heights[0] == 10


def test_the_wider_the_gap_the_nearer_the_wall():
    """Rings of tissue that keep their volume: r_e and the wall both move out, their logarithm shrinks."""
    needles = track()
    contacts, wall = needles.network.contacts, needles.network.wall
    zeros = np.zeros(needles.network.size)
    tissue = PlainUptake(zeros, zeros + 1.0, contacts.weights)
    closed = contacts.leak(zeros + 1.0, tissue, wall)[0]
    x = 0.2
    opened, slope, _ = contacts.leak(zeros + STRESS + 2 * MODULUS * x, tissue, wall)
    piece = slice(2, -1)
    inner, outer = 1.0, np.exp(contacts.span[piece])
    moved = np.sqrt((1 + x) ** 2 - inner**2 + outer**2)  # r^2 -> r^2 + c
    expected = (STRESS + 2 * MODULUS * x) * contacts.span[piece] / np.log(moved / (1 + x))
    np.testing.assert_allclose(opened[piece] / closed[piece], expected, rtol=1e-12)
    above = contacts.leak(zeros + STRESS + 2 * MODULUS * x + 1e-3, tissue, wall)[0]
    np.testing.assert_allclose(((above - opened) / 1e-3)[piece], slope[piece], rtol=1e-5)


@pytest.mark.parametrize(
    ("build", "says"),
    [
        (lambda: end_hole(end=(0.0103, 0.0098, 0.009)), "has no length"),
        (lambda: end_hole(opening=ClosedTip()), "gives nothing"),
        (lambda: side_holes(holes=(SideHole(0.02, 1e-4),)), "must lie on the inserted"),
        (lambda: Tube(0.2e-3, 0.3e-3, 0.09), "inner radius < outer radius"),
        (lambda: OpenTip(0.0), "cavity radius"),
        (lambda: track((end_hole(tip=(0.05, 0.05, 0.05)),)), "touches no tissue"),
        (lambda: track((end_hole(ending=OpenExit(400.0)),)), "would suck"),
        (lambda: track((end_hole(hold=Hold(300.0, 0.0, 0.0)),)), "shear modulus"),
        (lambda: track((end_hole(hold=Hold(300.0, 1e3, -1e-4)),)), "standing"),
        (lambda: GapWall.uniform(1, 1e-3, 0.0, 1e3, 0.0, 0.0), "viscosity"),
        (lambda: track().inlets([(1.0, 0.0), (1.0, 0.0)]), "2 drives came for 1 hubs"),
        (lambda: track().inlets([(1.0, -1.0)]), "give finite numbers"),
        (lambda: track().drawn_back(0, 0, 0.05), "cannot be drawn back"),
        (lambda: track((side_holes(),)).drawn_back(0, 0, 1e-3), "one opening, at its end"),
        (lambda: TrackNetwork.in_voxels((), VISCOSITY, *block()), "at least one needle"),
    ],
)
def test_bad_tracks_are_refused(build, says):
    with pytest.raises(BadInput, match=says):
        build()


def test_a_steady_answer_is_no_step():
    needles, (grid, *_) = track(), block()
    answer = needles.respond(np.zeros(grid.shape), needles.inlets([(RATE, 0.0)]), np.inf)
    with pytest.raises(BadInput, match="no step in time"):
        needles.accept(answer)


def test_a_failure_is_an_outcome():
    grid, *_ = block()
    needles = track()
    answer = needles.respond(np.full(grid.shape, np.nan), needles.inlets([(RATE, 0.0)]), 1.0)
    assert not answer.outcome.ok and "Remedy" in str(answer.outcome)


class MobileTissue:
    """The law of tissue that conducts better than at rest by a field of ratios."""

    def __init__(self, mobility):
        self.mobility = mobility

    def at(self, contacts, pressure):
        mobility = contacts.wall_pressure(self.mobility)
        return PlainUptake(contacts.wall_pressure(pressure), mobility, (diags(mobility) @ contacts.weights).tocsr())


def test_tissue_that_conducts_more_takes_more():
    """A mobility field multiplies the leak of the contacts it covers: cracks or opened pores round the shaft."""
    grid, *_ = block()
    needles = track()
    plain, open_field = np.zeros(grid.shape), np.full(grid.shape, 10.0)
    inlets = needles.inlets([(RATE, 0.0)])
    base = needles.respond(plain, inlets, np.inf)
    same = needles.respond(plain, inlets, np.inf, MobileTissue(np.ones(grid.shape)))
    more = needles.respond(plain, inlets, np.inf, MobileTissue(open_field))
    richer = track(conductivity=10 * CONDUCTIVITY)
    direct = richer.respond(plain, richer.inlets([(RATE, 0.0)]), np.inf)
    np.testing.assert_allclose(same.leak, base.leak, rtol=1e-12)
    np.testing.assert_allclose(more.leak, direct.leak, rtol=1e-9)
    assert more.leak.sum() > base.leak.sum()


def test_a_nodes_own_side_is_what_moves_its_balance():
    """Moved alone, each node's pressure changes its own balance by what `own_side` says, in value and in slope."""
    grid, *_ = block()
    network = track((end_hole(), side_holes())).network
    uptake = PlainTissue().at(network.contacts, np.zeros(grid.shape))
    inlets = (Inlet(0, RATE, 1e-14),)
    rest = (uptake, inlets)
    pressure = STRESS * (0.5 + np.random.default_rng(1).random(network.size))  # some gaps open, some not
    before, start = np.zeros(network.size), network.residual(pressure, *rest, np.zeros(network.size), 0.5)
    own, slope = network.own_side(pressure, *rest, 0.5)
    assert np.any(pressure > STRESS) and np.any(pressure < STRESS)
    scale = np.abs(start).max()
    for node in range(network.size):
        for moved in (3.0 * STRESS, 1e-6 * STRESS):
            other = pressure.copy()
            other[node] += moved
            change = network.residual(other, *rest, before, 0.5)[node] - start[node]
            said = network.own_side(other, *rest, 0.5)[0][node] - own[node]
            assert change == pytest.approx(said, rel=1e-9, abs=1e-12 * scale)
        assert slope[node] * moved == pytest.approx(said, rel=1e-3, abs=1e-11 * scale)


def test_a_step_that_leads_nowhere_is_given_up_soon(monkeypatch):
    """Where no iteration gets near, the work ends: it must not take the time of a hundred good steps."""
    grid, *_ = block()
    needles, asked = track(), []
    factorised = Network.jacobian
    monkeypatch.setattr(Network, "jacobian", lambda self, *a: asked.append(0) or factorised(self, *a))
    monkeypatch.setattr("oxablate.physics.track.solve._TOLERANCE", 0.0)
    monkeypatch.setattr("oxablate.physics.track.solve._DIGITS", 0.0)
    answer = needles.respond(np.zeros(grid.shape), needles.inlets([(RATE, 0.0)]), 0.05)
    assert not answer.outcome.ok and "Remedy" in str(answer.outcome)
    assert len(asked) <= 200
