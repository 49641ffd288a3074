"""Cracks in the flow: the laws, the faces, the ledger, memory, and what is refused."""

from itertools import pairwise

import numba
import numpy as np
import pytest
from scipy.integrate import quad
from scipy.sparse import coo_matrix
from scipy.sparse.linalg import spsolve

from oxablate.numerics.unsymmetric import SidedFaces, UnsymmetricSolver
from oxablate.physics.flow.budget import fluid_booking
from oxablate.physics.flow.closures import (
    ConvexStiffening,
    CrackedTissues,
    ExponentialConductivity,
    FixedConductivity,
    FluidExchange,
    RigidPores,
    SealedTissue,
    TissueFlow,
)
from oxablate.physics.flow.crack_closures import CubicCracks, NoCracks, NoMemory, NonLocalMemory, fracture_field
from oxablate.physics.flow.crack_kernels import crack_conductivity, crack_potential
from oxablate.physics.flow.crack_memory import ball
from oxablate.physics.flow.step import FlowModel
from oxablate.physics.flow.well import EndHole
from oxablate.physics.process import Booking
from oxablate.quantities.refusal import BadInput
from oxablate.space.boundary import Dirichlet, NoFlow, OuterFaces
from oxablate.space.grid import VoxelGrid

EYE = tuple(map(tuple, np.eye(3)))
RATE = 2e-8  # m3/s
SI = (1.0, 1.0, 1.0)  # m, kg, s


class Case:
    """A stiff lump in a softer box, both cracking, with an uneven fracture pressure; in any units.

    units: size of the unit of length, mass and time in SI.
    """

    def __init__(self, units=SI, cracking=True, memory=None, flip=None, shape=(10, 9, 8), outer=0.0):
        m, kg, s = (1.0 / unit for unit in units)
        self.pa, self.m, self.s, self.rate = kg / (m * s * s), m, s, RATE * m**3 / s
        h = 1e-3 * m
        self.grid = VoxelGrid(shape, (h, h, h), (0.0, 0.0, 0.0), EYE)
        position = np.indices(shape).astype(float)
        uneven = 1.0 + 0.15 * np.sin(0.7 * position[0] + 0.4 * position[1]) * np.cos(0.5 * position[2])
        label = (np.linalg.norm(position - np.array([4.0, 4.2, 3.1])[:, None, None, None], axis=0) > 3.2).astype(
            np.uint8
        )
        tip = np.array([4.3, 4.1, 3.4])
        if flip is not None:
            uneven, label = np.flip(uneven, flip), np.flip(label, flip)
            tip[flip] = shape[flip] - 1 - tip[flip]
        self.ones, active = np.ones(shape), np.ones(shape, bool)
        k = np.ascontiguousarray(np.where(label == 0, 1e-13, 1e-12) * m**2 / (self.pa * s))
        law = CubicCracks(3e-3 * m, 3e-3 * m, 2e4 * self.pa, 7e-4 * self.pa * s, 1e-9 * m**2 / (self.pa * s))
        tissues = self.tissues(law if cracking else NoCracks())
        fracture = np.ascontiguousarray(1e4 * self.pa * uneven)
        needle = EndHole(self.grid, tuple(float(x) * h for x in tip), 0.35e-3 * m, active)
        outer = OuterFaces.uniform(NoFlow() if outer is None else Dirichlet(outer))
        given = tissues if cracking is None else CrackedTissues(tissues, fracture, memory or NoMemory())
        self.flow = FlowModel(self.grid, given, np.ascontiguousarray(label), k, active, outer, needle)
        assert self.flow.find_rest(self.ones).ok
        self.pressure, self.ratio, self.fluid = self.flow.rest.copy(), np.ones(shape), Booking()

    def tissues(self, law):
        pa, s = self.pa, self.s
        conductivity = ExponentialConductivity(2.0, 500.0 * pa)
        exchange = FluidExchange(2e-7 / (pa * s), 0.0, 1e-7 / (pa * s), 100.0 * pa)
        return (
            TissueFlow(0.3, ConvexStiffening(2e4 * pa, 2.0), conductivity, exchange, law),
            TissueFlow(0.3, ConvexStiffening(5e3 * pa, 2.0), FixedConductivity(), SealedTissue(), law),
        )

    def go(self, steps, seconds, rate=None, tolerance=1e-7):
        rate = self.rate if rate is None else rate
        for _ in range(steps):
            done = self.flow.try_step(self.pressure, self.ratio, self.ones, rate, seconds * self.s, tolerance)
            assert done.outcome.ok, done.outcome
            self.pressure[...], self.ratio[...] = self.flow.pressure_next, self.flow.ratio_next
            booking = fluid_booking(self.flow.flows, seconds * self.s)
            for name, amount in booking.gained.items():
                self.fluid.gain(name, amount)
            for name, amount in booking.lost.items():
                self.fluid.lose(name, amount)
            self.flow.accept()
        return self

    def opened(self):
        return self.flow.crack_volume(self.pressure)


# -- the laws ---------------------------------------------------------------------------------------------------------


def test_the_potential_is_the_integral_of_the_conductivity():
    """Below, at and beyond the ceiling, against SciPy; the conductivity is continuous at the ceiling."""
    law = CubicCracks(3e-3, 2e-3, 2e4, 7e-4, 1e-9)
    for excess in (-50.0, 0.0, 40.0, law.kink, 1.0001 * law.kink, 4.0 * law.kink):
        exact, _ = quad(law.conductivity, 0.0, max(excess, 0.0), points=[law.kink], epsabs=0.0, epsrel=1e-12)
        assert crack_potential(excess, law.cubic, law.kink) == pytest.approx(exact, rel=1e-10, abs=1e-300)
        assert crack_conductivity(excess, law.cubic, law.kink) == pytest.approx(law.conductivity(excess), rel=1e-12)
    assert crack_conductivity(law.kink, law.cubic, law.kink) == pytest.approx(1e-9, rel=1e-12)
    # parallel plates of opening w, spaced by b_c
    assert law.conductivity(50.0) == pytest.approx(law.opening(50.0) ** 3 / (12 * 7e-4 * 2e-3), rel=1e-12)


def test_cracks_in_series_carry_what_their_potentials_say():
    """Two cracked layers with different cubic laws: the steady flux of the harmonic mean, in closed form."""
    laws = (CubicCracks(3e-3, 3e-3, 2e4, 7e-4, np.inf), CubicCracks(3e-3, 3e-3, 4e4, 7e-4, np.inf))
    tissues = tuple(
        TissueFlow(0.3, ConvexStiffening(2e4, 0.0), FixedConductivity(), SealedTissue(), law) for law in laws
    )
    grid = VoxelGrid((2, 1, 1), (1e-3,) * 3, (0.0,) * 3, EYE)
    shape, label = grid.shape, np.array([0, 1], np.uint8).reshape(2, 1, 1)
    given = CrackedTissues(tissues, np.full(shape, 1e3), NoMemory())
    flow = FlowModel(
        grid, given, label, np.full(shape, 1e-30), np.ones(shape, bool), OuterFaces.uniform(NoFlow()),
        EndHole(grid, (0.0, 0.0, 0.0), 1e-4),
    )  # fmt: skip
    pressure = np.array([1200.0, 1100.0]).reshape(shape)
    stage = flow.joint
    stage._evaluate(pressure, np.ones(shape), 1.0, 0)
    # between the two centres half a voxel each: equal flux from either side to a pressure at the interface
    q = flow._faces[0][1, 0, 0]
    first, second = (law.cubic / 4.0 for law in laws)
    high, low = 200.0**4, 100.0**4
    between = (first * high + second * low) / (first + second)
    assert q == pytest.approx(1e-3 * 2.0 * first * (high - between), rel=1e-12)


def test_no_cracks_changes_nothing():
    """`NoCracks` with a fracture pressure: byte for byte what the flow does without either."""
    plain, without = Case(cracking=None).go(4, 0.5), Case(cracking=False).go(4, 0.5)
    assert without.flow.joint is None and not without.opened().any()
    assert plain.pressure.tobytes() == without.pressure.tobytes()
    assert plain.ratio.tobytes() == without.ratio.tobytes()


# -- faces ------------------------------------------------------------------------------------------------------------


def test_equal_pressures_drive_no_flux():
    """Exactly none, though every voxel has its own fracture pressure and every crack is open."""
    case = Case(outer=None)
    pressure = np.full(case.grid.shape, 1.3e4)
    case.flow.joint._evaluate(pressure, case.ones, 1.0, 0)
    assert case.flow.crack_volume(pressure).all()
    for face in case.flow._faces:
        assert not face.any()


# -- the catechism ----------------------------------------------------------------------------------------------------


def test_the_ledger_closes():
    case = Case().go(12, 0.5)
    volume = case.grid.voxel_volume
    held = float((case.ratio - 1.0).sum()) * volume
    assert case.opened().sum() * volume > 1e-3 * held
    assert held == pytest.approx(case.fluid.net, rel=1e-12)
    # and J is what the pores and the cracks hold at that pressure
    cold = case.flow.try_step(case.pressure, case.ratio, case.ones, case.rate, 0.5)
    assert cold.mismatch <= 1e-7


def test_nothing_happens_without_a_dose():
    case = Case().go(3, 10.0, rate=0.0)
    assert np.abs(case.pressure - case.flow.rest).max() <= 1e-9
    assert not case.opened().any() and np.abs(case.ratio - 1.0).max() <= 1e-12


def test_the_same_bytes_twice_and_on_any_number_of_threads():
    first, threads = Case().go(5, 0.5), numba.get_num_threads()
    try:
        numba.set_num_threads(1)
        second = Case().go(5, 0.5)
    finally:
        numba.set_num_threads(threads)
    assert first.pressure.tobytes() == second.pressure.tobytes()
    assert first.ratio.tobytes() == second.ratio.tobytes()


@pytest.mark.parametrize("axis", [0, 1, 2])
def test_a_mirrored_subject_cracks_in_the_mirror(axis):
    straight, mirrored = Case().go(4, 0.5, tolerance=1e-11), Case(flip=axis).go(4, 0.5, tolerance=1e-11)
    assert straight.opened().any()
    assert np.flip(mirrored.pressure, axis) == pytest.approx(straight.pressure, abs=1e-7 * straight.pressure.max())
    assert np.flip(mirrored.ratio, axis) == pytest.approx(straight.ratio, abs=1e-9)


def test_other_units_give_the_same_answer():
    """mm, g, min: every field to 1e-10 of its largest value."""
    memory = NonLocalMemory(0.5, 2e-5)
    si = Case(memory=memory).go(5, 0.5, tolerance=1e-12)
    other = Case((1e-3, 1e-3, 60.0), memory=NonLocalMemory(0.5, 2e-2)).go(5, 0.5, tolerance=1e-12)
    assert si.opened().any()
    assert np.abs(other.pressure / other.pa - si.pressure).max() <= 1e-10 * si.pressure.max()
    assert np.abs(other.ratio - si.ratio).max() <= 1e-10
    needle = other.flow.needle_pressure(other.pressure, other.rate) / other.pa
    assert needle == pytest.approx(si.flow.needle_pressure(si.pressure, si.rate), rel=1e-10)


def test_cracks_close_as_the_pressure_falls():
    """Their volume grows while the pump runs, never more than is given, and goes back to nothing after."""
    case, held, given = Case().go(0, 1.0), [], 0.0
    for rate, seconds in [(case.rate, 0.5)] * 8 + [(0.0, 1.0)] * 4 + [(0.0, 500.0)] * 8:
        case.go(1, seconds, rate)
        given += rate * seconds
        held.append(case.opened().sum() * case.grid.voxel_volume)
        assert held[-1] <= given
    assert held[7] > 0 and held[-1] == 0.0
    assert all(later <= earlier * (1 + 1e-9) for earlier, later in pairwise(held[8:]))


# -- memory -----------------------------------------------------------------------------------------------------------


def test_memory_only_grows_and_lowers_the_fracture_pressure_within_one_crack_length():
    law = NonLocalMemory(0.4, 2e-5)
    case = Case(memory=law)
    intact, greatest = case.flow.joint.fracture.copy(), np.zeros(case.grid.shape)
    for _ in range(6):
        case.go(1, 0.5)
        now = case.flow.joint.memory.greatest
        assert np.all(now >= greatest)
        greatest = now.copy()
    fracture = case.flow.joint.fracture
    assert np.all(fracture <= intact) and np.all(fracture >= 0.4 * intact * (1 - 1e-12))
    assert np.all((fracture < intact) == (greatest > 0)) and (greatest > 0).any() and (greatest == 0).any()
    case.go(1, 0.0001, rate=0.0)
    assert np.all(case.flow.joint.memory.greatest >= greatest)  # nothing heals while pressure falls
    assert case.flow.joint.memory.restore(greatest) is None
    again = case.flow.joint.fracture
    assert again == pytest.approx(intact * (1 - 0.6 * np.minimum(greatest / 2e-5, 1)), rel=1e-14)


def test_opened_paths_reopen_at_a_lower_pressure():
    high = [Case(memory=memory).go(8, 0.5) for memory in (NoMemory(), NonLocalMemory(0.5, 2e-5))]
    pressures = [case.flow.needle_pressure(case.pressure, case.rate) for case in high]
    assert pressures[1] < 0.8 * pressures[0]


def test_the_ball_is_round_and_does_not_depend_on_the_grid():
    """Number of voxels in a ball of 3 mm times their volume, against 4/3 pi r^3; anisotropic voxels too."""
    for spacing, within in (((0.5e-3,) * 3, 0.03), ((0.25e-3,) * 3, 0.02), ((0.5e-3, 0.25e-3, 0.3e-3), 0.03)):
        volume = len(ball(spacing, 3e-3, (99,) * 3)) * np.prod(spacing)
        assert volume == pytest.approx(4 / 3 * np.pi * 27e-9, rel=within)
    assert ball((5e-3,) * 3, 3e-3, (9,) * 3).tolist() == [[0, 0, 0]]
    assert len(ball((1e-3,) * 3, 30.0, (4, 3, 2))) == 7 * 5 * 3  # no more than a grid of that size can use


# -- what is refused, and what ends as a value ------------------------------------------------------------------------


def test_what_is_refused():
    with pytest.raises(BadInput, match="crack law"):
        CubicCracks(3e-3, 3e-3, -2e4, 7e-4, 1e-9)
    with pytest.raises(BadInput, match="re-opening share"):
        NonLocalMemory(1.5, 1e-5)
    law = CubicCracks(3e-3, 3e-3, 2e4, 7e-4, 1e-9)
    with pytest.raises(BadInput, match="rigid pores"):
        TissueFlow(0.3, RigidPores(), FixedConductivity(), SealedTissue(), law)
    with pytest.raises(BadInput, match="without a fracture pressure"):
        Case(cracking=None).flow.__class__(*_parts(law))
    with pytest.raises(BadInput, match="would crack before any injection"):
        Case(outer=2e4)
    with pytest.raises(BadInput, match="> 0"):
        fracture_field(1e4, (1.0, 0.0), np.zeros((2, 2, 2), np.uint8), np.ones((2, 2, 2)))


def _parts(law):
    grid = VoxelGrid((3, 3, 3), (1e-3,) * 3, (0.0,) * 3, EYE)
    tissue = TissueFlow(0.3, ConvexStiffening(2e4, 2.0), FixedConductivity(), SealedTissue(), law)
    label, ones = np.zeros(grid.shape, np.uint8), np.ones(grid.shape)
    return grid, (tissue,), label, 1e-13 * ones, ones > 0, OuterFaces.uniform(NoFlow())


def test_fracture_pressure_of_labels():
    label = np.array([0, 1, 1, 0], np.uint8).reshape(2, 2, 1)
    field = fracture_field(2e4, (1.0, 0.5), label, np.full(label.shape, 1.2))
    assert field.ravel() == pytest.approx([2.4e4, 1.2e4, 1.2e4, 2.4e4], rel=1e-14)


def test_a_hopeless_step_ends_as_a_value():
    case = Case()
    done = case.flow.try_step(case.pressure, case.ratio, case.ones, np.nan, 1.0)
    assert not done.outcome.ok and "Remedy" in str(done.outcome)
    assert np.isfinite(case.pressure).all()


# -- the linear solver ------------------------------------------------------------------------------------------------


def test_the_unsymmetric_solver_against_a_direct_one():
    """Random weights over five decades, columns summing to a small diagonal; SciPy's sparse LU."""
    shape, random = (7, 6, 5), np.random.default_rng(4)
    sides = [[np.exp(random.normal(0.0, 0.5, shape)) for _ in range(3)] for _ in range(2)]
    for side in sides:
        side[0][-1], side[1][:, -1], side[2][:, :, -1] = 0.0, 0.0, 0.0
    diagonal = 10.0 ** random.uniform(-4, 1, shape)
    number = np.arange(np.prod(shape)).reshape(shape)
    rows, columns, values = [number.ravel()], [number.ravel()], [diagonal.ravel()]
    for axis in range(3):
        inner = tuple(slice(0, -1) if a == axis else slice(None) for a in range(3))
        beyond = tuple(slice(1, None) if a == axis else slice(None) for a in range(3))
        low, up = number[inner].ravel(), number[beyond].ravel()
        for column, weight in ((low, sides[0][axis][inner].ravel()), (up, sides[1][axis][inner].ravel())):
            other = np.where(column is low, up, low)
            rows += [column, other]
            columns += [column, column]
            values += [weight, -weight]
    matrix = coo_matrix((np.concatenate(values), (np.concatenate(rows), np.concatenate(columns)))).tocsc()
    rhs = random.normal(size=shape)
    exact = spsolve(matrix, rhs.ravel()).reshape(shape)
    solver, x = UnsymmetricSolver(shape), np.zeros(shape)
    solver.setup(SidedFaces(tuple(sides[0]), tuple(sides[1]), diagonal))
    outcome = solver.solve(rhs, x, 1e-12 * np.linalg.norm(rhs), 200)
    assert outcome.ok and outcome.iterations <= 40
    assert x == pytest.approx(exact, rel=1e-8, abs=1e-9 * np.abs(exact).max())


# -- intact tissue that could crack -----------------------------------------------------------------------------------


def test_tissue_that_stays_intact_is_solved_as_tissue_that_cannot_crack():
    """The same bytes as without cracks; and within the solver's tolerance what the solver of cracks would give."""
    could, cannot, joined = Case(), Case(cracking=False), Case()
    joined.flow.joint.intact = lambda pressure: False
    for case in (could, cannot, joined):
        case.go(4, 0.5, 0.005 * case.rate, tolerance=1e-10)
    assert could.pressure.max() > 1e3 and could.flow.joint.stages == 0
    assert could.pressure.tobytes() == cannot.pressure.tobytes() and could.ratio.tobytes() == cannot.ratio.tobytes()
    assert joined.flow.joint.stages == 8
    assert could.ratio == pytest.approx(joined.ratio, abs=1e-8)
    assert not any(part.any() for part in (*could.flow.flows.crack_faces, could.flow.flows.crack_needle))


def test_the_step_in_which_tissue_cracks_is_solved_with_its_cracks():
    """Chosen from the state alone: the step that tears it and those while it is torn, the same bytes."""
    chosen, joined = Case().go(1, 0.5, 1e-12), Case().go(1, 0.5, 1e-12)
    assert chosen.flow.joint.stages == 0 and not chosen.opened().any()
    joined.flow.joint.intact = lambda pressure: False
    chosen.go(3, 0.5), joined.go(3, 0.5)
    assert chosen.opened().any() and chosen.flow.joint.stages == joined.flow.joint.stages
    assert chosen.pressure.tobytes() == joined.pressure.tobytes()


def test_a_face_can_crack_whose_voxels_are_intact():
    """Its fracture pressure is the mean of theirs: the tougher voxel's pressure may lie between."""
    case = Case()
    fracture, joint = case.flow.joint.fracture, case.flow.joint
    pressure = fracture.min() * np.full(case.grid.shape, 0.5)
    assert joint.intact(pressure)
    for axis in range(3):
        fracture[...] = np.full(case.grid.shape, 1e4 * case.pa)
        tougher = tuple(np.array(case.grid.shape) // 2)
        fracture[tougher], pressure[...] = 2e4 * case.pa, 0.5e4 * case.pa
        pressure[tougher] = 1.4e4 * case.pa
        assert joint.intact(pressure)
        pressure[tougher] = 1.6e4 * case.pa
        assert not joint.intact(pressure) and not np.any(pressure > fracture)
        lower = tuple(n - (a == axis) for a, n in enumerate(tougher))
        pressure[tougher], pressure[lower] = 0.5e4 * case.pa, 1.01e4 * case.pa
        assert not joint.intact(pressure)


def test_a_broken_balance_is_never_the_largest_one_lost():
    """A NaN anywhere among the residuals stays: the plain solver must not take a broken state for a solved one."""
    case = Case(cracking=False)
    done = case.flow.try_step(case.pressure, case.ratio, case.ones, np.nan, 1.0)
    assert not done.outcome.ok and "Remedy" in str(done.outcome)
