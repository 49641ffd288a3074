"""Injection through a spherical cavity into an endless elastic, porous body: finite-strain equilibrium, by SciPy.

A material shell at R moves to r(R, t). With the stretches l_r = dr/dR, l_t = r/R and J = l_r l_t^2,

    strain energy    W = (G/2)(l_r^2 + 2 l_t^2 - 3 - 2 ln J) + V(J),   V'(J) = ((H - 2 G)/b)(exp(b (J - 1)) - 1)
    equilibrium      dS_r/dR + (2/R)(S_r - S_t) = l_t^2 dp/dR,   S_r = G (l_r - 1/l_r) + V' l_t^2,
                                                                 S_t = G (l_t - 1/l_t) + V' l_r l_t
    fluid            dJ/dt = - (1/R^2) d(R^2 Q)/dR,   Q = - K (l_t^2 / l_r) dp/dR
    cavity           S_r = 0 (the liquid carries its own pressure),   4 pi a^2 Q = the rate
    far              S_r + 4 G (r - R)/R = 0 and p = 0: beyond the last shell a linear body without dilatation goes on

S: first Piola-Kirchhoff stress of the solid alone; the terms in p itself cancel by the Piola identity. V is convex and
H the aggregate modulus at rest. Q is Darcy's law with a conductivity that is fixed in space, pulled back.

At small strain dilatation and pressure obey H e = p, as in the irrotational model: displacement and pressure are both
gradients. Collocation at Chebyshev points of ln R; time by an implicit method of order 5. No line of the package is in
it.
"""

from dataclasses import dataclass

import numpy as np
from scipy.integrate import solve_bvp, solve_ivp
from scipy.special import erfcx


@dataclass(frozen=True)
class Body:
    """Aggregate and shear modulus [Pa], stiffening exponent, conductivity [m2/(Pa s)], cavity and last shell [m]."""

    aggregate: float
    shear: float
    exponent: float
    conductivity: float
    cavity: float
    last: float

    def bulk(self, ratio):
        """V'(J) [Pa]."""
        return (self.aggregate - 2 * self.shear) / self.exponent * np.expm1(self.exponent * (ratio - 1.0))

    def stresses(self, radial, hoop):
        """(S_r, S_t) [Pa] at the stretches."""
        bulk = self.bulk(radial * hoop**2)
        first = self.shear * (radial - 1 / radial) + bulk * hoop**2
        return first, self.shear * (hoop - 1 / hoop) + bulk * radial * hoop


def chebyshev(n: int, low: float, high: float):
    """Points, differentiation matrix and integration matrix (from `low`) of Chebyshev collocation, n + 1 points."""
    angle = np.pi * np.arange(n + 1) / n
    x = -np.cos(angle)
    weight = np.where((np.arange(n + 1) == 0) | (np.arange(n + 1) == n), 2.0, 1.0) * (-1.0) ** np.arange(n + 1)
    gap = np.subtract.outer(x, x) + np.eye(n + 1)
    derive = np.outer(weight, 1 / weight) / gap
    derive -= np.diag(derive.sum(axis=1))
    # integrate by solving D u = f with u(low) = 0
    integrate = np.zeros((n + 1, n + 1))
    integrate[1:, 1:] = np.linalg.inv(derive[1:, 1:])
    half = 0.5 * (high - low)
    return low + half * (x + 1), derive / half, integrate * half


def root(function, guess: float) -> float:
    """Root of a nearly straight function of a small strain, by the secant method to round-off."""
    before, now = guess + 1e-6, guess
    old, new = function(before), function(now)
    for _ in range(20):
        if new == 0.0 or new == old:
            break
        before, now, old = now, now - new * (now - before) / (new - old), new
        if abs(now - before) <= 1e-15 * abs(now):
            break
        new = function(now)
    return now


class Sphere:
    """The transient problem on n + 1 shells; the state is J - 1 of all but the last."""

    def __init__(self, body: Body, n: int):
        self.body = body
        x, self.derive, self.integrate = chebyshev(n, np.log(body.cavity), np.log(body.last))
        self.radius = np.exp(x)

    def shape(self, inner: np.ndarray):
        """(J - 1, l_r, l_t) of all shells: the cavity's wall bears no stress of the solid, and the last shell fits."""
        body, big_r = self.body, self.radius
        wall = root(lambda t: body.stresses((1 + inner[0]) / (1 + t) ** 2, 1 + t)[0] / body.shear, 0.5 * inner[0])

        def whole(last):
            strain = np.append(inner, last)
            # r^3 - R^3 = r_a^3 - a^3 + 3 int (J - 1) R^2 dR: a body at rest keeps its digits
            grown = ((1 + wall) ** 3 - 1) * big_r[0] ** 3 + 3 * self.integrate @ (strain * big_r**3)
            hoop = np.cbrt(1 + grown / big_r**3)
            return strain, (1 + strain) / hoop**2, hoop

        def misfit(last):
            _, radial, hoop = whole(last)
            return body.stresses(radial[-1], hoop[-1])[0] / body.shear + 4 * (hoop[-1] - 1)

        return whole(root(misfit, inner[-1]))

    def slope(self, radial, hoop):
        """dp/dR [Pa/m]."""
        first, second = self.body.stresses(radial, hoop)
        return (self.derive @ first + 2 * (first - second)) / self.radius / hoop**2

    def pressure(self, inner):
        """p [Pa] of all shells, 0 at the last."""
        _, radial, hoop = self.shape(inner)
        rise = self.integrate @ (self.slope(radial, hoop) * self.radius)
        return rise - rise[-1]

    def change(self, inner: np.ndarray, rate: float) -> np.ndarray:
        """dJ/dt [1/s] of all but the last shell at an injection rate [m3/s]."""
        _, radial, hoop = self.shape(inner)
        through = -self.body.conductivity * hoop**2 / radial * self.slope(radial, hoop) * self.radius**2
        through[0] = rate / (4 * np.pi)
        return (-(self.derive @ through) / self.radius**3)[:-1]

    def inject(self, start: np.ndarray, rate: float, times, rtol: float = 1e-10) -> np.ndarray:
        """J - 1 of all but the last shell at `times`, from `start` at the first of them. Shape (len(times), n)."""
        size = rate / (4 * np.pi * self.body.conductivity * self.body.cavity * self.body.aggregate)
        run = solve_ivp(
            lambda _, y: self.change(y, rate), (times[0], times[-1]), start, "Radau", t_eval=times, rtol=rtol,
            atol=1e-2 * rtol * size,
        )  # fmt: skip
        assert run.success, run.message
        return run.y.T


def steady(body: Body, rate: float, tolerance: float = 1e-9):
    """The steady state as a boundary value problem in (r - R, l_r, p): R, l_r, l_t, p on a fine mesh in ln R."""

    def field(x, y):
        big_r = np.exp(x)
        hoop, radial = 1 + y[0] / big_r, y[1]
        slope = -rate / (4 * np.pi * big_r**2) / body.conductivity * radial / hoop**2
        first, second = body.stresses(radial, hoop)
        turn = (radial - hoop) / big_r  # d l_t / dR
        ratio = radial * hoop**2
        curve = (body.aggregate - 2 * body.shear) * np.exp(body.exponent * (ratio - 1))
        by_radial = body.shear * (1 + 1 / radial**2) + curve * hoop**4
        by_hoop = curve * 2 * radial * hoop**3 + body.bulk(ratio) * 2 * hoop
        bend = (hoop**2 * slope - 2 / big_r * (first - second) - by_hoop * turn) / by_radial
        return np.vstack([(radial - 1) * big_r, bend * big_r, slope * big_r])

    def ends(ya, yb):
        hoop, far = 1 + ya[0] / body.cavity, 1 + yb[0] / body.last
        outer = body.stresses(yb[1], far)[0] + 4 * body.shear * (far - 1)
        return np.array([body.stresses(ya[1], hoop)[0] / body.shear, outer / body.shear, yb[2] / body.shear])

    x = np.linspace(np.log(body.cavity), np.log(body.last), 400)
    guess = np.vstack([np.zeros_like(x), np.ones_like(x), np.zeros_like(x)])
    found = solve_bvp(field, ends, x, guess, tol=tolerance, max_nodes=200_000)
    assert found.success, found.message
    big_r = np.exp(found.x)
    return big_r, found.y[1], 1 + found.y[0] / big_r, found.y[2], float(found.rms_residuals.max())


def linear_pressure(body: Body, radius, time: float, rate: float):
    """p(R, t) [Pa] of linear theory outside a cavity from which fluid enters at a constant rate, endless body.

    p = (q / (4 pi K R)) (erfc(z) - exp(y + c t / a^2) erfc(z + sqrt(c t) / a)),  y = (R - a)/a,
    z = (R - a) / (2 sqrt(c t)), c = K H; beyond the cavity's own time a^2/c it is a function of R / sqrt(c t) alone,
    the similarity solution. Carslaw and Jaeger, Conduction of heat in solids, 2nd ed. (1959), section 9.10.
    """
    a, spread = body.cavity, np.sqrt(body.conductivity * body.aggregate * time)
    z = (radius - a) / (2 * spread)
    # exp(y + s^2) erfc(z + s), s = spread / a, is exp(-z^2) erfcx(z + s)
    return rate / (4 * np.pi * body.conductivity * radius) * np.exp(-(z**2)) * (erfcx(z) - erfcx(z + spread / a))
