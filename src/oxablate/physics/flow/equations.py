"""Fluid pressed into a pore space that opens under it: the statement.

In the reference (undeformed) frame, with J the local volume ratio and Q the volume flux through a reference face,

    dJ/dt = - Div Q                       what flows on to the neighbours
            + q_needle                    what the needle gives
            + f_v L_v (p_e - p)           what vessels give (Starling; negative: they drain)
            - L_l (p - p_l)_+             what lymphatics take

    Q     = - K(J) Grad p                 Darcy
    p - p_rest = P(J)                     the pore space stiffens as it opens (irrotational model)

| symbol | meaning | unit |
|---|---|---|
| J | local volume ratio, 1 at rest | 1 |
| p, p_rest | interstitial fluid pressure, its value before the injection | Pa |
| K = k / mu | hydraulic conductivity | m2/(Pa s) |
| f_v L_v | functional vessel fraction times filtration coefficient L_p S/V | 1/(Pa s) |
| p_e = p_v - sigma (pi_v - pi_i) | effective vascular pressure | Pa |
| L_l, p_l | lymphatic filtration coefficient, pressure above which lymph drains | 1/(Pa s), Pa |

Where tissue can crack, J is the volume of the pores and of the cracks, and cracks conduct beside the pores:

    J     = P^-1(p - p_rest) + w / b_c     pores and cracks
    w     = l_c (p - p_frac)_+ / E'        opening of a crack, nothing below the fracture pressure
    Q     = - (K(J) + K_c) Grad p          Darcy in both
    K_c   = min(w^3 / (12 mu b_c), ceiling)
    p_frac = p_intact (1 - (1 - share) min(W / full, 1)),   W = max of w within l_c and over the past   (memory)

| symbol | meaning | unit |
|---|---|---|
| l_c, b_c | length and spacing of cracks, of the material and never of the voxel | m |
| E' | plane modulus E / (1 - nu^2) | Pa |
| mu | viscosity of the liquid in the cracks | Pa s |
| p_frac, p_intact | fracture pressure now, and before anything opened | Pa |
| share, full | of p_intact at which torn tissue re-opens; opening at which tissue is torn | 1, m |

`p_rest` solves the same equation with dJ/dt = 0, no needle and J = 1, so an untouched subject stays untouched.

The rigid model is the limit of an infinitely stiff pore space: J = 1 at all times and the equation is elliptic.

Limits: the irrotational relation P(J) is exact at small strain with uniform moduli and a far boundary; in a stiff
tumour within a soft host it underestimates the dilatation up to threefold at nu = 0. Cracks are a continuum: parallel
sets without a direction, opened by their own pressure alone; one that meets the edge of the grid ends there.

Sources: Biot 1941 (doi 10.1063/1.1712886); Starling exchange in tumours: Baxter and Jain 1989
(doi 10.1016/0026-2862(89)90074-5); strain-dependent conductivity: Lai and Mow 1980 (doi 10.3233/BIR-1980-171-213);
cubic law: Witherspoon et al. 1980 (doi 10.1029/WR016i006p01016).
"""

from ...numerics.jit import njit

# Columns of the tissue table that the kernels read, one row per label (see `closures.tissue_table`).
MODULUS, STIFFENING, STRAIN_EXPONENT, OPENING, POROSITY, STRAIN_OPEN, STRAIN_BOUND = range(7)
VESSEL_FILTRATION, VESSEL_PRESSURE, LYMPH_FILTRATION, LYMPH_PRESSURE = range(7, 11)
COLUMNS = 11


@njit()
def vessel_inflow(pressure, vessel_fraction, row):
    """Fluid given by vessels per tissue volume, f_v L_v (p_e - p) [1/s]; negative where they drain."""
    return vessel_fraction * row[VESSEL_FILTRATION] * (row[VESSEL_PRESSURE] - pressure)


@njit()
def lymph_outflow(pressure, row):
    """Fluid taken by lymphatics per tissue volume, L_l (p - p_l)_+ [1/s]; never negative."""
    return row[LYMPH_FILTRATION] * max(pressure - row[LYMPH_PRESSURE], 0.0)


@njit()
def volume_ratio_rate(outflow, needle, vessels, lymph):
    """dJ/dt [1/s] from the four terms of the balance, each per tissue volume [1/s], in the order of the statement."""
    return (
        - outflow
        + needle
        + vessels
        - lymph
    )  # fmt: skip
