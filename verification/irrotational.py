"""The irrotational flow model beside the coupled one: closed forms of what parts them, and one case in both codes.

The closed forms use no line of the package. All cases are linear: the flow model's law has the exponent 0 and its
conductivity is fixed, so ratios of the two answers depend on dimensionless numbers only. R = 1, tumour H = 1, K = 1.

A sphere of moduli (H1, G1) in an infinite host (H2, G2), alpha = 1, incompressible constituents. Under radial symmetry
the equilibrium of forces integrates to div u = p / H + C in each tissue; at infinity C = 0, and continuity of u and of
the stress at R give C = (4/3) (G1 - G2) <p> / (H1 S), S = B1 + (4/3) G2, with B1 = H1 - (4/3) G1 the drained bulk
modulus and <p> the mean over the sphere. Hence the mean dilatation <div u> = <p> / S, against <p> / H1 without
coupling. By Betti's theorem the mean needs no symmetry: a uniform pull inside and none outside is what a unit pressure
in the sphere makes. S is Eshelby's confinement (doi 10.1098/rspa.1957.0133).
"""

from dataclasses import dataclass, field

import numpy as np

from oxablate.physics.flow.closures import ConvexStiffening, FixedConductivity, SealedTissue, TissueFlow
from oxablate.physics.flow.step import FlowModel
from oxablate.physics.flow.well import EndHole
from oxablate.physics.mechanics.closures import Alexander, Held, ImplicitEuler, Loads, Medium, Traction
from oxablate.physics.mechanics.step import BiotModel
from oxablate.space.boundary import Dirichlet, NoFlow, OuterFaces
from oxablate.space.grid import VoxelGrid

BLOCK = 4  # voxels along an edge of the blocks whose dilatations are summed
RATE = 1e-3  # of the needle, per R^3 H K / R^2: strains stay small; every answer is proportional to it


def shear_of(aggregate, poisson):
    """G of H and the drained Poisson's ratio."""
    return aggregate * (1 - 2 * poisson) / (2 * (1 - poisson))


def sphere_factor(ratio, poisson):
    """<p> / H1 over <div u> of a sphere `ratio` times stiffer than its infinite host: irrotational over coupled."""
    g1 = shear_of(1.0, poisson)
    return 1 - 4 / 3 * g1 + 4 / 3 * g1 / ratio


# -- transient, radial: Laplace transform and its numerical inverse ---------------------------------------------------


def _radial_transform(s, ratio, poisson, contrast, coupled):
    """Transforms of (<p>, C, far flow factor) for a constant point source RATE in the centre.

    In the sphere p = a exp(-q r) / r + b sinh(q r) / r - C, q^2 = s; outside d exp(-q2 r) / r, q2^2 = s K1 H1/(K2 H2).
    """
    g1 = shear_of(1.0, poisson)
    gain = 4 / 3 * (g1 - g1 / ratio) / sphere_factor(ratio, poisson) if coupled else 0.0
    q, q2, k2 = np.sqrt(s), np.sqrt(s * ratio * contrast), 1 / contrast
    a = RATE / (4 * np.pi * s)
    mean_a = 3 * a * (1 - (1 + q) * np.exp(-q)) / q**2
    # b and d are solved for times exp(q) and exp(-q2): nothing overflows early on
    sine, cosine = (1 - np.exp(-2 * q)) / 2, (1 + np.exp(-2 * q)) / 2
    bent = q * cosine - sine
    matrix = np.array(
        [
            [sine, -1.0, -1.0],  # pressure is continuous
            [bent, k2 * (1 + q2), 0.0],  # flow is continuous
            [-gain * 3 * bent / q**2, 0.0, 1 + gain],  # C = gain <p>
        ]
    )
    right = np.array([-a * np.exp(-q), a * (1 + q) * np.exp(-q), gain * mean_a])
    b, _, constant = np.linalg.solve(matrix, right)
    return mean_a + b * 3 * bent / q**2 - constant, constant, b * np.exp(-q)


def radial(time, ratio, poisson, contrast=1.0, coupled=True, terms=24):
    """(dilatation volume of the sphere, smooth part of the pressure at the centre) at T, infinite host.

    ratio: H1 / H2; contrast: K1 / K2. The smooth part is what p has beside the steady point source Q / (4 pi K r).
    Inverted on Talbot's contour (Abate and Valko 2004, doi 10.1002/nme.995).
    """
    angle = np.arange(1, terms) * np.pi / terms
    cot = 1 / np.tan(angle)
    nodes = np.concatenate([[0.4 * terms + 0j], 0.4 * angle * terms * (cot + 1j)])
    weights = np.concatenate([[0.5 * np.exp(nodes[0])], (1 + 1j * angle * (1 + cot**2) - 1j * cot) * np.exp(nodes[1:])])
    total = np.zeros(2)
    for node, weight in zip(nodes, weights, strict=True):
        s = node / time
        mean, constant, b = _radial_transform(s, ratio, poisson, contrast, coupled)
        q = np.sqrt(s)
        volume = 4 / 3 * np.pi * (mean + constant)
        centre = b * q - constant - RATE / (4 * np.pi * s) * q
        total += 0.4 / time * np.real(weight * np.array([volume, centre]))
    return total


def whole_space(time, r):
    """(p, outward displacement) at distance r from a constant source RATE, uniform, infinite; T = inf is steady."""
    from scipy.special import erf, erfc

    root = 2 * np.sqrt(time)
    if np.isinf(time):
        return RATE / (4 * np.pi * r), np.full_like(r, RATE / (8 * np.pi))
    z = r / root
    inside = r**2 / 2 * erfc(z) + root**2 * (erf(z) / 4 - z * np.exp(-(z**2)) / (2 * np.sqrt(np.pi)))
    return RATE / (4 * np.pi * r) * erfc(z), RATE / (4 * np.pi) * inside / r**2


# -- a nucleus of dilatation in space, or below a free plane ----------------------------------------------------------


def nuclei(points, places, strengths, axis, poisson, skin):
    """Displacement along `axis` at `points` (m, 3) of dilatations `strengths` (n,) at `places` (n, 3), uniform moduli.

    skin: height z of a free plane, or None. With phi = - V / (4 pi r) of the image above the plane, in coordinates z
    down from it, u gains (3 - 4 nu) grad phi + 2 grad(z d phi/dz) - 8 (1 - nu) e_z d phi/dz.
    Source: Mindlin and Cheng 1950 (doi 10.1063/1.1699786).
    """
    total = np.zeros(len(points))
    for place, strength in zip(places, strengths, strict=True):
        d = points - place
        r = np.sqrt((d**2).sum(1))
        total += strength / (4 * np.pi) * d[:, axis] / r**3
        if skin is not None:
            depth, c = skin - points[:, 2], skin - place[2]
            d = np.column_stack([d[:, 0], d[:, 1], depth + c])
            total += strength / (4 * np.pi) * _image(d, depth, axis, poisson)
    return total


def _image(d, depth, axis, poisson):
    """Part of the image, per V / (4 pi); d: from the image; z down in `d` and `depth`, up in the answer."""
    r = np.sqrt((d**2).sum(1))
    slope = d[:, 2] / r**3  # d phi / dz
    value = (3 - 4 * poisson) * d[:, axis] / r**3 - 6 * depth * d[:, axis] * d[:, 2] / r**5
    if axis == 2:
        value = value + 2 * slope + 2 * depth / r**3 - 8 * (1 - poisson) * slope
    return -value if axis == 2 else value


# -- one case in both codes -------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Case:
    """A tumour of radius 1 in a host; every number without a unit.

    ratio: H tumour / host. contrast: K tumour / host. poisson: drained, of both. skin: distance of a free sealed
    plane from the tumour's centre, or None. offset: of the source along x. variance: of ln H in the tumour, with the
    correlation length 1/3. voxels: along an edge of the box, and per radius.
    """

    ratio: float = 1.0
    poisson: float = 0.2
    skin: float | None = None
    offset: float = 0.0
    contrast: float = 1.0
    variance: float = 0.0
    seed: int = 0
    voxels: tuple[int, int] = (32, 5)


@dataclass
class Pair:
    """The two models of a case, on the same voxels, with the same moduli, source and pressures outside."""

    case: Case
    grid: VoxelGrid = field(init=False)

    def __post_init__(self):
        case, (n, per_radius) = self.case, self.case.voxels
        h = 1 / per_radius
        self.grid = VoxelGrid((n, n, n), (h, h, h), self._origin(h, n))
        self.places = np.stack(np.meshgrid(*map(self._centres, range(3)), indexing="ij"), -1)
        self.tumour = (self.places**2).sum(-1) < 1.0
        self.modulus, self.label, levels = self._modulus()
        self.conductivity = np.where(self.tumour, 1.0, 1 / case.contrast)
        sides = (*(Dirichlet(0.0),) * 5, NoFlow() if case.skin else Dirichlet(0.0))
        self.outer = OuterFaces(sides)
        self.needle = EndHole(self.grid, (case.offset, 0.0, 0.0), 0.1)
        self.tissues = tuple(
            TissueFlow(0.3, ConvexStiffening(level, 0.0), FixedConductivity(), SealedTissue()) for level in levels
        )
        self.source = np.zeros(self.grid.shape)
        self.needle.spread(RATE, self.source)

    def _origin(self, h, n):
        """A voxel's centre lies at the tumour's centre; with a skin the last faces along z lie on it."""
        low = -(n // 2 - 1) * h
        return (low, low, low if self.case.skin is None else self.case.skin - (n - 0.5) * h)

    def _centres(self, axis):
        return self.grid.origin[axis] + self.grid.axis_centres(axis)

    def _modulus(self):
        """H per voxel, its label and the value per label: both codes get the values of the labels."""
        wanted = np.where(self.tumour, 1.0, 1 / self.case.ratio)
        if self.case.variance:
            wanted = np.where(self.tumour, np.exp(self._field()), wanted)
        inside = np.log(wanted[self.tumour])
        levels = np.exp(np.linspace(inside.min(), inside.max(), 200)) if self.case.variance else np.array([1.0])
        label = np.where(self.tumour, np.abs(np.log(wanted)[..., None] - np.log(levels)).argmin(-1), len(levels))
        levels = np.append(levels, 1 / self.case.ratio)
        return levels[label], label.astype(np.uint8), levels

    def _field(self):
        """ln H: Gaussian, correlation exp(-(r / l)^2), l = 1/3, median 1, from `seed`."""
        n, h = self.grid.shape[0], self.grid.spacing[0]
        noise = np.random.default_rng(self.case.seed).standard_normal((n, n, n))
        k = 2 * np.pi * np.fft.fftfreq(n, h)
        square = k[:, None, None] ** 2 + k[None, :, None] ** 2 + k[None, None, :] ** 2
        smooth = np.fft.ifftn(np.fft.fftn(noise) * np.exp(-square / (8 * 9))).real
        return smooth * np.sqrt(self.case.variance) / smooth.std()

    # -- the two models ----------------------------------------------------------------------------------------------

    def flow_model(self):
        """The irrotational model: p = H (J - 1)."""
        return FlowModel(
            self.grid, self.tissues, self.label, self.conductivity, np.ones(self.grid.shape, bool), self.outer,
            self.needle,
        )  # fmt: skip

    def biot_model(self):
        """The coupled model: the same H, alpha = 1, nothing compressible, given displacements far out."""
        shear = shear_of(self.modulus, self.case.poisson)
        ones = np.ones(self.grid.shape)
        medium = Medium(self.modulus - 2 * shear, shear, ones, 0 * ones, self.conductivity)
        return BiotModel(self.grid, medium, self.loads(0 * ones))

    def loads(self, pressure, confined=True):
        """What acts when the pressure is about `pressure`: the box goes on as an infinite elastic host would.

        Displacement of the walls: that of nuclei of strength p / H, in the sphere corrected for its confinement,
        summed over blocks. Exact for a uniform body; the walls are wrong by the quadrupole of what is not.
        """
        places, strengths = self._blocks(pressure, confined)
        walls = [self._wall(number, places, strengths) for number in range(6)]
        if self.case.skin is not None:
            walls[5] = Traction.free()
        return Loads(tuple(walls), self.outer, source=self.source / self.grid.voxel_volume)

    def _blocks(self, pressure, confined):
        factor = sphere_factor(self.case.ratio, self.case.poisson) if confined else 1.0
        strength = pressure / self.modulus / np.where(self.tumour, factor, 1.0) * self.grid.voxel_volume
        n, b = self.grid.shape[0] // BLOCK, BLOCK
        split = (n, b, n, b, n, b)
        sums = strength.reshape(split).sum((1, 3, 5)).ravel()
        moments = (strength[..., None] * self.places).reshape(*split, 3).sum((1, 3, 5)).reshape(-1, 3)
        kept = sums != 0
        return moments[kept] / sums[kept, None], sums[kept]

    def _wall(self, number, places, strengths):
        axis, end = divmod(number, 2)
        parts = {}
        for a in range(3):
            axes = [self._centres(i) for i in range(3)]
            h = self.grid.spacing[0]
            axes[axis] = axes[axis][[-end]] + (h / 2 if end else -h / 2)
            if a != axis:
                axes[a] = np.append(axes[a] - h / 2, axes[a][-1] + h / 2)
            mesh = np.meshgrid(*axes, indexing="ij")
            points = np.column_stack([m.ravel() for m in mesh])
            found = nuclei(points, places, strengths, a, self.case.poisson, self.case.skin)
            parts[a] = np.squeeze(found.reshape(mesh[0].shape), axis=axis)
        return Held(parts[axis], tuple(parts[a] for a in range(3) if a != axis))

    def figures(self, pressure, strain):
        """Needle pressure, peak dilatation in the tumour, dilatation volume of the tumour, of the box."""
        cells, shares = self.needle.entry
        where, k = tuple(cells.T), self.conductivity[tuple(cells[0])]
        near = RATE / k * (1 / (4 * np.pi * self.needle.cavity_radius) - self.needle.self_energy)
        volume = self.grid.voxel_volume
        return np.array(
            [(shares * pressure[where]).sum() + near, strain[self.tumour].max(), strain[self.tumour].sum() * volume,
             strain.sum() * volume]
        )  # fmt: skip


def dilatation(state, spacing):
    """div u of each voxel from the displacements on its faces."""
    return sum(np.diff(u, axis=a) / spacing[a] for a, u in enumerate(state.displacement))


def steady(pair):
    """((irrotational figures), (coupled figures)) of the drained steady state, which has one pressure for both.

    Reached in one long step and a short one, which weighs forces more: their residual is measured beside volumes.
    """
    flow, ones = pair.flow_model(), np.ones(pair.grid.shape)
    slow = max(1.0, pair.case.ratio, pair.case.contrast * pair.case.ratio)
    pressure, ratio = 0 * ones, ones
    for _ in range(3):
        done = flow.try_step(pressure, ratio, ones, RATE, 300 * slow, tolerance=1e-10)
        assert done.outcome.ok, done.outcome
        pressure, ratio = flow.pressure_next.copy(), flow.ratio_next.copy()
    model, loads = pair.biot_model(), pair.loads(pressure)
    state = model.rest()
    for span in (1e5 * slow, 1.0):
        step = model.try_step(state, span, ImplicitEuler(), lambda _: loads, tolerance=1e-10)
        assert step.outcome.ok, step.outcome
        state = step.state
    assert np.abs(state.pressure - pressure).max() < 1e-4 * pressure.max()
    strain = dilatation(state, pair.grid.spacing)
    return pair.figures(pressure, pressure / pair.modulus), pair.figures(state.pressure, strain)


def march(pair, times):
    """Figures of both codes at each of the growing `times`, with the same steps of Alexander's scheme.

    The walls follow the irrotational pressure, without confinement: its dilatations hold what was injected and has not
    left. The wall pressure is given, so what is misplaced there flows through the walls and hardly disturbs the sphere.
    """
    flow, ones = pair.flow_model(), np.ones(pair.grid.shape)
    pressure, ratio = 0 * ones, ones
    model, first = pair.biot_model(), pair.loads(pressure, confined=False)
    state, before, found = model.rest(), 0.0, []
    for time in times:
        span = time - before
        done = flow.try_step(pressure, ratio, ones, RATE, span, tolerance=1e-12)
        assert done.outcome.ok, done.outcome
        pressure, ratio = flow.pressure_next.copy(), flow.ratio_next.copy()
        ends = first, pair.loads(pressure, confined=False)
        step = model.try_step(state, span, Alexander(), lambda t, e=ends, s=span: between(e, t / s), tolerance=1e-9)
        assert step.outcome.ok, step.outcome
        state, before, first = step.state, time, ends[1]
        found.append((pair.figures(pressure, ratio - 1), pair.figures(state.pressure, state.content)))
    return found


def between(ends, share):
    """Loads a share of the way from one to the other."""
    first, last = ends

    def mix(a, b):
        return a + share * (b - a)

    supports = tuple(
        Held(mix(a.normal, b.normal), tuple(map(mix, a.along, b.along))) if isinstance(a, Held) else a
        for a, b in zip(first.supports, last.supports, strict=True)
    )
    return Loads(supports, last.drainage, source=last.source)
