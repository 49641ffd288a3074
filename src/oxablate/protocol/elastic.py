"""Elastic moduli of a tissue from the two that its section of a parameter set gives.

    G = H (1 - 2 nu) / (2 (1 - nu))          shear modulus
    E' = E / (1 - nu^2) = H (1 - 2 nu) / (1 - nu)^2          plane modulus

H: drained aggregate modulus [Pa]; nu: drained Poisson ratio [1]. Source: any text on isotropic elasticity.
"""

from collections.abc import Mapping

from ..quantities.quantity import Quantity
from ..quantities.refusal import BadInput


def shear_modulus(section: Mapping[str, Quantity]) -> float:
    """G [Pa] of a tissue. Raises BadInput for a ratio of one half, which no drained tissue has."""
    h, nu = _pair(section)
    return h * (1.0 - 2.0 * nu) / (2.0 * (1.0 - nu))


def plane_modulus(section: Mapping[str, Quantity]) -> float:
    """E' [Pa] of a tissue, in which a crack opens. Raises BadInput as `shear_modulus`."""
    h, nu = _pair(section)
    return h * (1.0 - 2.0 * nu) / (1.0 - nu) ** 2


def _pair(section: Mapping[str, Quantity]) -> tuple[float, float]:
    h, nu = section["aggregate_modulus"].si, section["poisson_ratio"].si
    if not nu < 0.5:
        raise BadInput(f"a drained Poisson ratio of {nu:g} came, below one half is allowed; write for example '30 %'")
    return h, nu
