"""What it costs to end the grid at a finite distance, in closed form.

Around a steady point source Q in an endless homogeneous tissue whose vessels and lymphatics take up fluid in proportion
to the excess pressure u (K: conductivity, L: uptake per volume and pressure),

    K laplace u = L u,   u = Q / (4 pi K r) exp(-r / s),   s = sqrt(K / L)

s is the screening length. Each function gives the difference that a boundary at the distance R makes. In time, the
difference grows from zero to these values while a source is on, so they bound it. Heterogeneity, the opening of pores
and the corners of the grid are left out.
"""

import math


def screening_length(conductivity: float, uptake: float) -> float:
    """s = sqrt(K / L) [m]; infinite without uptake. conductivity: K [m2/(Pa s)]. uptake: L [1/(Pa s)]."""
    return math.sqrt(conductivity / uptake) if uptake > 0 else math.inf


def pressure_at_source_held(rate: float, conductivity: float, length: float, distance: float) -> float:
    """Pressure [Pa] lost at the source because u = 0 is held on the faces; an upper bound.

    du = Q / (4 pi K s) * 2 / (exp(2 R / s) - 1)        (s -> infinity: Q / (4 pi K R))

    Exact for a ball of radius R; for any domain that holds this ball it is a bound (maximum principle). rate: Q [m3/s].
    length: s [m]. distance: R [m] from the source to the nearest face.
    """
    if math.isinf(length):
        return rate / (4 * math.pi * conductivity * distance)
    x = 2 * distance / length
    return rate / (4 * math.pi * conductivity * length) * (2 / math.expm1(x) if x < 700 else 0.0)


def pressure_at_source_sealed(rate: float, conductivity: float, length: float, distance: float) -> float:
    """Pressure [Pa] gained at the source because no fluid passes the faces; exact for a ball of radius R.

    du = Q / (4 pi K s) * exp(-x) (1 + x) / (x cosh x - sinh x),   x = R / s

    Infinite without uptake: nothing ever becomes steady in a sealed box.
    """
    if math.isinf(length):
        return math.inf
    x = distance / length
    if x > 350:
        return 0.0
    # x cosh x - sinh x = x^3 / 3 + x^5 / 30 + ... loses its digits for small x
    whole = x * math.cosh(x) - math.sinh(x) if x > 1e-2 else x**3 / 3 * (1 + x * x / 10)
    return rate / (4 * math.pi * conductivity * length) * math.exp(-x) * (1 + x) / whole


def speed_at_edge(length: float, distance: float, radius: float) -> float:
    """Relative change of the speed at distance r from the source towards a plane face at distance R.

    dv / v = (r / d)^2 (1 + d / s) / (1 + r / s) exp(-(d - r) / s),   d = 2 R - r

    Exact for one plane (its image source), held or sealed: the first speeds the fluid up, the second slows it down. 1
    where r >= R, and 0 for r = 0.
    """
    if radius >= distance:
        return 1.0
    image = 2 * distance - radius
    return (radius / image) ** 2 * (1 + image / length) / (1 + radius / length) * math.exp(-(image - radius) / length)


def leaving_share(length: float, distance: float) -> float:
    """Share of the steady flow that leaves through faces held at u = 0: x / sinh x, x = R / s; an upper bound."""
    x = distance / length
    return 1.0 if x == 0 else x / math.sinh(x) if x < 700 else 0.0
