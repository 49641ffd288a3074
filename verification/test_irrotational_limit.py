"""The irrotational default and the coupled model: where they must agree, and by what they must part."""

import numpy as np
import pytest
from irrotational import RATE, Case, Pair, dilatation, march, radial, shear_of, sphere_factor, steady, whole_space
from scipy.integrate import solve_ivp

from oxablate.physics.flow.closures import ConvexStiffening, FixedConductivity, SealedTissue, TissueFlow
from oxablate.physics.flow.step import FlowModel
from oxablate.physics.flow.well import EndHole
from oxablate.physics.mechanics.closures import Alexander, Held, Loads, Medium, Roller
from oxablate.physics.mechanics.step import BiotModel
from oxablate.space.boundary import Dirichlet, NoFlow, OuterFaces
from oxablate.space.grid import VoxelGrid

END = 0.03  # T, with the cube's half edge for R: the front, 2 sqrt(T), stays off the walls


class Octant:
    """A point source in uniform, infinite space: one eighth of a cube of half edge 1, the source in its corner."""

    def __init__(self, n, poisson):
        h = 1 / n
        self.n, self.poisson = n, poisson
        self.grid = VoxelGrid((n, n, n), (h, h, h), (h / 2, h / 2, h / 2))
        self.outer = OuterFaces((NoFlow(), Dirichlet(0.0)) * 3)
        self.distance = np.sqrt((((np.indices((n, n, n)) + 0.5) * h) ** 2).sum(0))
        self.source = np.zeros((n, n, n))
        self.source[0, 0, 0] = RATE / 8

    def loads(self, time):
        """Symmetry on three faces, the exact displacement on the others."""
        h, n, walls = 1 / self.n, self.n, []
        for axis in range(3):
            parts = {}
            for a in range(3):
                at = [(np.arange(n) + 0.5) * h] * 3
                at[axis] = np.array([1.0])
                if a != axis:
                    at[a] = np.arange(n + 1) * h
                mesh = np.meshgrid(*at, indexing="ij")
                r = np.sqrt(sum(m**2 for m in mesh))
                moved = whole_space(time, r)[1] * mesh[a] / r if time > 0 else 0 * r
                parts[a] = np.squeeze(moved, axis)
            walls += [Roller(), Held(parts[axis], tuple(parts[a] for a in range(3) if a != axis))]
        return Loads(tuple(walls), self.outer, source=self.source / self.grid.voxel_volume)

    def run(self, steps):
        """(J - 1, div u) at END."""
        ones, span = np.ones(self.grid.shape), END / steps
        tissue = TissueFlow(0.3, ConvexStiffening(1.0, 0.0), FixedConductivity(), SealedTissue())
        needle = EndHole(self.grid, self.grid.origin, 1e-3 / self.n)
        flow = FlowModel(
            self.grid, (tissue,), np.zeros(ones.shape, np.uint8), ones, ones > 0, self.outer, needle
        )  # fmt: skip
        shear = shear_of(ones, self.poisson)
        biot = BiotModel(self.grid, Medium(ones - 2 * shear, shear, ones, 0 * ones, ones), self.loads(0.0))
        pressure, ratio, state = 0 * ones, ones, biot.rest()
        for i in range(steps):
            assert flow.try_step(pressure, ratio, ones, RATE / 8, span, tolerance=1e-12).outcome.ok
            pressure, ratio = flow.pressure_next.copy(), flow.ratio_next.copy()
            done = biot.try_step(state, span, Alexander(), lambda t, i=i: self.loads(i * span + t), 1e-10)
            assert done.outcome.ok, done.outcome
            state = done.state
        return ratio - 1, dilatation(state, self.grid.spacing)

    def errors(self, steps):
        """Of either code against p / H of the closed form, and between them, away from the source; relative.

        The weight grows from 0 at a distance of 0.25 to 1 at 0.5: a sharp cut would let in other voxels on every grid.
        """
        weight = np.clip((self.distance - 0.25) / 0.25, 0, 1)
        exact = whole_space(END, self.distance)[0]
        plain, coupled = self.run(steps)
        scale = np.linalg.norm(weight * exact)
        return np.array([np.linalg.norm(weight * d) / scale for d in (plain - exact, coupled - exact, plain - coupled)])


def test_in_uniform_infinite_space_both_are_right():
    """div u obeys the equation of the irrotational J: both go to p / H of the closed form at second order."""
    coarse, fine = Octant(8, 0.2).errors(6), Octant(16, 0.2).errors(12)
    assert np.all(np.log2(coarse[:2] / fine[:2]) > 1.7) and np.all(fine[:2] < 0.05)
    assert fine[2] < 0.5 * fine[0], "they lie nearer to each other than to the truth: they are the same there"


@pytest.mark.slow
@pytest.mark.parametrize("poisson", [0.0, 0.45])
def test_and_finer_voxels_bring_both_closer(poisson):
    coarse, fine = Octant(16, poisson).errors(12), Octant(32, poisson).errors(24)
    assert np.all(np.log2(coarse[:2] / fine[:2]) > 1.9)


@pytest.mark.parametrize(("poisson", "offset"), [(0.0, 0.0), (0.35, 0.7)])
def test_steady_agreement_where_moduli_are_uniform(poisson, offset):
    """Walls apart, the discrete statements are the same one: a fiftieth of the finest band of the map is allowed.

    The box as a whole holds what its given walls let in, summed by the midpoint rule, (h / half width)^2 wrong.
    """
    plain, coupled = steady(Pair(Case(1.0, poisson, offset=offset, voxels=(16, 3))))
    assert plain[:3] == pytest.approx(coupled[:3], rel=1e-3)
    assert plain[3] == pytest.approx(coupled[3], rel=1 / 8**2)


# -- a sphere of other moduli -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("poisson", [0.0, 0.2, 0.45])
@pytest.mark.parametrize("ratio", [0.1, 10.0, 1e6])
def test_the_closed_form_of_the_sphere(poisson, ratio):
    """Against displacement a r inside, b / r^2 outside, unit pressure inside: continuity of both u and the stress."""
    g1 = shear_of(1.0, poisson)
    bulk, g2 = 1 - 4 / 3 * g1, g1 / ratio
    a, _ = np.linalg.solve([[1.0, -1.0], [3 * bulk, 4 * g2]], [0.0, 1.0])
    assert sphere_factor(ratio, poisson) == pytest.approx(1.0 / (3 * a), rel=1e-12)


def test_threefold_and_no_more_below_but_any_multiple_above():
    """A stiff sphere in a host without stiffness, nu = 0: 3. A soft one in a stiffer host: no bound."""
    assert sphere_factor(1e9, 0.0) == pytest.approx(1 / 3, rel=1e-6)
    assert sphere_factor(1e9, 0.45) == pytest.approx(1.45 / (3 * 0.55), rel=1e-6)
    assert sphere_factor(0.1, 0.0) == pytest.approx(7.0) and sphere_factor(0.01, 0.0) > 60


def sphere_error(ratio, poisson, across, per_radius, offset=0.0):
    plain, coupled = steady(Pair(Case(ratio, poisson, offset=offset, voxels=(across, per_radius))))
    return plain[2] / coupled[2] / sphere_factor(ratio, poisson) - 1


@pytest.mark.parametrize(("ratio", "poisson", "offset"), [(5.0, 0.0, 0.0), (0.2, 0.0, 0.0), (10.0, 0.35, 0.7)])
def test_a_sphere_in_both_codes(ratio, poisson, offset):
    """The mean dilatation needs no symmetry, nor a pressure that stops at the sphere. A surface of steps that is half a
    voxel out changes a volume by 1.5 / voxels per radius: that is allowed, and it must fall.
    """
    coarse, fine = (sphere_error(ratio, poisson, n, r, offset) for n, r in ((16, 3), (24, 5)))
    assert abs(fine) < abs(coarse) < 1.5 / 3 and abs(fine) < 1.5 / 5


@pytest.mark.slow
def test_the_sphere_converges():
    """About first order, as its surface does."""
    coarse, fine = sphere_error(0.2, 0.0, 16, 3), sphere_error(0.2, 0.0, 48, 9)
    assert np.log(coarse / fine) / np.log(3) > 0.75


# -- a skin -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("poisson", "skin"), [(0.0, 1.0), (0.35, 2.0)])
def test_a_free_plane_adds_the_dilatation_of_the_image(poisson, skin):
    """Each dilatation V at depth c adds (1 - 2 nu) V / pi (2 z^2 - rho^2) / r^5 elsewhere, r from its image."""
    pair = Pair(Case(1.0, poisson, skin, voxels=(24, 4)))
    plain, coupled = steady(pair)
    flow, ones = pair.flow_model(), np.ones(pair.grid.shape)
    pressure, ratio = 0 * ones, ones
    for _ in range(3):
        flow.try_step(pressure, ratio, ones, RATE, 300.0, tolerance=1e-10)
        pressure, ratio = flow.pressure_next.copy(), flow.ratio_next.copy()
    places, held = pair.places.reshape(-1, 3), pressure.ravel() * pair.grid.voxel_volume
    added = 0.0
    for x in places[pair.tumour.ravel()]:
        across = ((places[:, :2] - x[:2]) ** 2).sum(1)
        z = 2 * skin - places[:, 2] - x[2]
        added += (held * (2 * z**2 - across) / (across + z**2) ** 2.5).sum()
    added *= (1 - 2 * poisson) / np.pi * pair.grid.voxel_volume
    assert added > 0.05 * plain[2]
    assert coupled[2] - plain[2] == pytest.approx(added, rel=0.03)


# -- in time ----------------------------------------------------------------------------------------------------------


def by_lines(time, ratio, poisson, cells=250, reach=8.0):
    """Dilatation volume of the sphere by the method of lines along r: the nonlocal storage, tight ODE solver.

    In the sphere d/dt (p + gain <p>) = rate, hence dp/dt = rate - gain / (1 + gain) <rate>.
    """
    edges = np.concatenate([np.linspace(0, 1, cells + 1), 1 + (reach - 1) * np.linspace(0, 1, cells + 1)[1:] ** 1.5])
    volume, centre = np.diff(edges**3) * 4 / 3 * np.pi, (edges[1:] + edges[:-1]) / 2
    g1 = shear_of(1.0, poisson)
    gain = 4 / 3 * (g1 - g1 / ratio) / sphere_factor(ratio, poisson)
    inner = centre < 1
    modulus = np.where(inner, 1.0, 1 / ratio)
    through = 4 * np.pi * edges[1:-1] ** 2 / np.diff(centre)
    share = np.where(inner, volume, 0.0) / volume[inner].sum()

    def slope(_, p):
        flow = np.concatenate([[RATE], through * (p[:-1] - p[1:]), [0.0]])
        rate = modulus * -np.diff(flow) / volume
        return rate - np.where(inner, gain / (1 + gain) * (share @ rate), 0.0)

    p = solve_ivp(slope, (0, time), np.zeros(2 * cells), method="BDF", rtol=1e-6, atol=1e-12).y[:, -1]
    mean = share @ p
    return 4 / 3 * np.pi * (mean + gain * mean)


@pytest.mark.parametrize(("ratio", "poisson"), [(10.0, 0.0), (0.3, 0.35)])
def test_the_transform_of_the_sphere_against_the_method_of_lines(ratio, poisson):
    assert radial(0.3, ratio, poisson)[0] == pytest.approx(by_lines(0.3, ratio, poisson), rel=2e-3)


def test_the_transform_of_uniform_space():
    r = (np.arange(4000) + 0.5) / 4000
    volume = 4 * np.pi * np.mean(whole_space(0.3, r)[0] * r**2)
    for coupled in (True, False):
        assert radial(0.3, 1.0, 0.2, coupled=coupled)[0] == pytest.approx(volume, rel=1e-5)


@pytest.mark.slow
@pytest.mark.parametrize("ratio", [5.0, 0.2])
def test_a_sphere_in_time_in_both_codes(ratio):
    """The host's skin of R sqrt(T) that feeds or drains the sphere at first must be resolved: T = 0.1 to 0.5."""
    times = 0.01 * 10 ** (np.arange(-1, 6) / 3)
    wrong = {}
    for across, per_radius in ((16, 3), (32, 6)):
        found = march(Pair(Case(ratio, 0.0, voxels=(across, per_radius))), times)[-3:]
        for code, coupled in enumerate((False, True)):
            exact = np.array([radial(t, ratio, 0.0, coupled=coupled)[0] for t in times[-3:]])
            wrong[per_radius, coupled] = np.abs(np.array([f[code][2] for f in found]) / exact - 1).max()
    assert wrong[6, True] < wrong[3, True] < 1.5 / 3 and wrong[6, True] < 1.5 / 6
    assert wrong[6, False] < 0.02
