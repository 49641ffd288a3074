"""What the tissue takes from one agent, a term per line.

In every voxel of the reference (undeformed) frame, with what is mixed in its fluid:

    theta dc/dt = - sum over pools of k_i c R_i         taken by the pools
                  - theta lambda c                      first-order loss (light, heat, hydrolysis)
                  - theta w c                           wash-out into vessels and lymph

    dR_i/dt     = - k_i c R_i                           what is left of the pools

c [mol/m3 of fluid]; theta fluid volume per reference volume [1]; R_i [mol/m3 of reference tissue, in agent
equivalents]; k_i [m3 mol-1 s-1]; lambda, w [1/s]. With the exposure E = integral of c dt [mol s/m3] the pools are
explicit, R_i = R_i0 exp(-k_i E), and one scalar equation is left, convex and falling in E:

    dE/dt = c0                                          what was there
            - (1/theta) sum R_i0 (1 - exp(-k_i E))      what the pools have taken
            - (lambda + w) E                            what was lost

Agent that DIFFUSES into demand that is fast does not mix with a voxel: it advances as a front far thinner than the
voxel. Behind the front (a share f of the voxel, the swept part) the fast pools are gone; the agent on its way to the
front is held there, shielded from the demand ahead:

    theta dc/dt = theta D d2c/dx2                       between face and front
    - theta D dc/dx = s dp/dt,  c = 0                   at the front, x = p

s fast demand ahead of the front [mol/m3 of tissue]; D pore diffusivity [m2/s], flux density - theta D grad c: theta is
outside D, so the similarity solution from a face kept at c_s is p = 2 l sqrt(D t) with
sqrt(pi) l exp(l^2) erf(l) = theta c_s / s.

Sources: F. Neumann's solution, H. S. Carslaw and J. C. Jaeger, Conduction of Heat in Solids, 2nd ed., Oxford 1959,
section 11.2. The exposure form is derived above and checked against a tight ODE solution (verification case E12).
"""

import numpy as np


def agent_rate(concentration, pools, rates, fluid_fraction, loss_rate):
    """dc/dt [mol m-3 s-1] of the mixed agent; arrays broadcast, pools and rates with the pool first."""
    taken_by_pools = np.sum(rates * pools, axis=0) * concentration / fluid_fraction
    lost = loss_rate * concentration
    return -taken_by_pools - lost


def pool_rates(concentration, pools, rates):
    """dR_i/dt [mol m-3 s-1] of each pool."""
    return -rates * concentration * pools


def exposure_rate(exposure, start, pools, rates, fluid_fraction, loss_rate):
    """dE/dt [mol/m3] at exposure E, from concentration `start` and the pools at the start."""
    taken_by_pools = np.sum(pools * -np.expm1(-rates * exposure), axis=0) / fluid_fraction
    lost = loss_rate * exposure
    return start - taken_by_pools - lost


def reaction_zone(fluid_fraction, diffusivity, rate, demand):
    """Width over which agent fades in fresh demand, l = sqrt(theta D / (k s)) [m]."""
    return np.sqrt(fluid_fraction * diffusivity / (rate * demand))
