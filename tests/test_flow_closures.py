"""The laws of the pore space against their formulas: inverse, derivative, integral, bound."""

import numpy as np
import pytest
from scipy.integrate import quad

from oxablate.physics.flow import kernels
from oxablate.physics.flow.closures import (
    ConvexStiffening,
    ExponentialConductivity,
    FixedConductivity,
    FluidExchange,
    RigidPores,
    SealedTissue,
    TissueFlow,
)
from oxablate.physics.flow.equations import STRAIN_BOUND, STRAIN_OPEN

H, B, M, OPEN, PHI = 7000.0, 3.2, 2.5, 500.0, 0.2


def tissue(modulus=H, stiffening=B, exponent=M, opening=OPEN, porosity=PHI):
    return TissueFlow(
        porosity, ConvexStiffening(modulus, stiffening), ExponentialConductivity(exponent, opening), SealedTissue()
    )


TISSUES = {
    "soft": tissue(),
    "linear": tissue(stiffening=0.0),
    "bounded": tissue(exponent=30.0, opening=0.0),
    "bounded later": tissue(exponent=12.0, porosity=0.4),
    "no rise": tissue(exponent=0.0),
}
every_tissue = pytest.mark.parametrize("name", TISSUES)


def kozeny_carman(strain, porosity):
    """k / k0 of phi^3 / (1 - phi)^2 with phi = 1 - (1 - phi0) / J: the solids keep their volume."""
    solid = (1.0 - porosity) / (1.0 + strain)
    return ((1.0 - solid) / porosity) ** 3 * ((1.0 - porosity) / solid) ** 2


@every_tissue
def test_strain_is_the_inverse_of_the_pressure(name):
    row = TISSUES[name].row()
    for strain in (-0.05, 0.0, 1e-9, 1e-3, 0.2, 1.0, 3.0):
        over = kernels.pore_overpressure(strain, row)
        stiffening = TISSUES[name].pores.exponent
        law = H * strain if strain <= 0 or stiffening == 0 else H / stiffening * (np.exp(stiffening * strain) - 1.0)
        assert over == pytest.approx(law, rel=1e-7)
        assert kernels.pore_strain(over, row) == pytest.approx(strain, rel=1e-13, abs=1e-16)
        assert TISSUES[name].pores.strain(over) == pytest.approx(strain, rel=1e-13, abs=1e-16)


@every_tissue
def test_compliance_is_the_slope_of_the_strain(name):
    row = TISSUES[name].row()
    for over in (-300.0, 100.0, 5e3, 1e5):
        step = 1e-4 * abs(over)
        slope = (kernels.pore_strain(over + step, row) - kernels.pore_strain(over - step, row)) / (2 * step)
        assert kernels.pore_compliance(over, row) == pytest.approx(slope, rel=1e-6)


@every_tissue
def test_conductivity_is_continuous_rising_and_bounded(name):
    row, law = TISSUES[name].row(), TISSUES[name].conductivity
    for edge in (row[STRAIN_OPEN], row[STRAIN_BOUND]):
        if np.isfinite(edge):
            below, above = (kernels.conductivity_ratio(edge * (1 + e) + e, row) for e in (-1e-12, 1e-12))
            assert above == pytest.approx(below, rel=1e-9)
    strains = np.linspace(-0.02, 4.0, 2000)
    ratios = np.array([kernels.conductivity_ratio(x, row) for x in strains])
    assert np.all(np.diff(ratios) >= 0.0) and ratios.min() == 1.0
    assert np.all(ratios <= np.maximum(kozeny_carman(strains, TISSUES[name].porosity), 1.0) * (1 + 1e-12))
    free = (strains > row[STRAIN_OPEN]) & (strains < row[STRAIN_BOUND])
    assert ratios[free] == pytest.approx(np.exp(law.exponent * (strains[free] - row[STRAIN_OPEN])), rel=1e-12)


def test_the_bound_is_met_where_the_two_laws_cross():
    row = TISSUES["bounded later"].row()
    x = row[STRAIN_BOUND]
    assert row[STRAIN_OPEN] < x < 4.0
    assert np.exp(12.0 * (x - row[STRAIN_OPEN])) == pytest.approx(kozeny_carman(x, 0.4), rel=1e-10)
    # an exponent far above the bound's own slope, 3/phi0 - 1, is bounded from the start
    assert TISSUES["bounded"].row()[STRAIN_BOUND] == pytest.approx(0.0, abs=1e-3)


@every_tissue
def test_potential_is_the_integral_of_the_conductivity(name):
    """G against adaptive quadrature, and its derivative by the overpressure against g."""
    row = TISSUES[name].row()

    def ratio_at(over):
        return kernels.conductivity_ratio(kernels.pore_strain(over, row), row)

    def potential(over):
        return kernels.kirchhoff_potential(over, kernels.pore_strain(over, row), row)

    for over in (-200.0, 300.0, 4e3, 5e4, 1e6):
        edges = [kernels.pore_overpressure(row[n], row) for n in (STRAIN_OPEN, STRAIN_BOUND) if np.isfinite(row[n])]
        cuts = [0.0, *(e for e in edges if 0.0 < e < over), over]
        whole = sum(quad(ratio_at, a, b, epsrel=1e-11)[0] for a, b in zip(cuts, cuts[1:], strict=False))  # noqa: RUF007
        assert potential(over) == pytest.approx(whole, rel=1e-9)
        step = 1e-4 * abs(over)
        slope = (potential(over + step) - potential(over - step)) / (2 * step)
        assert slope == pytest.approx(ratio_at(over), rel=1e-6)


@pytest.mark.parametrize("same", [True, False])
def test_a_face_is_fair(same):
    """No flux at equal pressure, the same flux seen from either side, between the extremes of g."""
    row = TISSUES["soft"].row()
    rng = np.random.default_rng(3)
    for p_n, p_m, rest_n, rest_m in rng.uniform(0.0, 2e4, (200, 4)) * [1, 1, 0.05, 0.05]:
        ends = []
        for over in (p_n - rest_n, p_m - rest_m):
            strain = kernels.pore_strain(over, row)
            ends.append((kernels.conductivity_ratio(strain, row), kernels.kirchhoff_potential(over, strain, row)))
        (g_n, w_n), (g_m, w_m) = ends
        there = kernels.face_flux(2.0, p_n, p_m, rest_n, rest_m, g_n, g_m, w_n, w_m, same)
        back = kernels.face_flux(2.0, p_m, p_n, rest_m, rest_n, g_m, g_n, w_m, w_n, same)
        assert there == pytest.approx(-back, rel=1e-12)
        ratio = there / (2.0 * (p_n - p_m))
        assert min(g_n, g_m) * (1 - 1e-9) <= ratio <= max(g_n, g_m) * (1 + 1e-9)
        assert kernels.face_flux(2.0, p_n, p_n, rest_n, rest_m, g_n, g_m, w_n, w_m, same) == 0.0


def test_rigid_pores_never_open():
    row = TissueFlow(PHI, RigidPores(), FixedConductivity(), SealedTissue()).row()
    assert kernels.pore_strain(1e9, row) == 0.0 and kernels.pore_compliance(1e9, row) == 0.0
    assert kernels.conductivity_ratio(0.0, row) == 1.0
    assert kernels.kirchhoff_potential(1e9, 0.0, row) == 1e9
    assert RigidPores().strain(1e9) == 0.0


@pytest.mark.parametrize(
    "build",
    [
        lambda: ConvexStiffening(0.0, 1.0),
        lambda: ConvexStiffening(7e3, -1.0),
        lambda: ExponentialConductivity(-1.0, 0.0),
        lambda: ExponentialConductivity(1.0, -5.0),
        lambda: FluidExchange(-1e-8, 0.0, 0.0, 0.0),
        lambda: FluidExchange(1e-8, 0.0, -1.0, 0.0),
        lambda: TissueFlow(1.0, RigidPores(), FixedConductivity(), SealedTissue()),
    ],
)
def test_impossible_numbers_are_refused(build):
    with pytest.raises(ValueError, match="must"):
        build()
