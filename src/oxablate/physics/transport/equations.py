"""What moves a dissolved agent through the fluid of the tissue, a term per line.

For each species, in every voxel of the reference (undeformed) frame:

    d(W c)/dt = - sum over faces of Q c_face            carried by the fluid, Q positive outwards
                + sum over faces of T (c_next - c)      pore diffusion, T = diffusive conductance of the face
                + q_needle c_needle                     what the needle brings
                - (1 - retained) q_lost c               what leaves with fluid taken up by vessels and lymph
                - W k (c - c_plasma)                    exchange through vessel walls

    dW/dt     = - sum over faces of Q + q_needle + q_gained - q_lost

c [mol/m3 of fluid]; W fluid volume of the voxel [m3]; Q face flux of the flow solver [m3/s]; q_* fluid sources of the
voxel [m3/s]; k permeability-surface product per fluid volume [1/s]; retained, the fraction of a species that a vessel
wall holds back [1]. Fluid filtered from vessels (q_gained) carries nothing: it dilutes.

Diffusion: the flux density is - phi D grad c with phi = W / V the fluid volume fraction and D the pore diffusivity
[m2/s], that is, D already holds the tortuosity but not phi. A closed voxel (no_diffusion) exchanges nothing by
diffusion. The outer faces of the grid are closed to diffusion; fluid that enters through them brings the far-field
concentration.

The functions below are the discrete terms; `kernels` and `spreading` sweep them over the grid. How they are blended
and why: docs/decisions/0002-transport.md.

Sources: third-order upwind face value, B. P. Leonard, Comput. Methods Appl. Mech. Eng. 19 (1979) 59-98,
doi:10.1016/0045-7825(79)90034-3; limiting of the correction, S. T. Zalesak, J. Comput. Phys. 31 (1979) 335-362,
doi:10.1016/0021-9991(79)90051-2.
"""

from ...numerics.jit import njit


@njit(forceinline=True)
def implicit_share(volume, outflow):
    """The least implicit weight that keeps an upwind step positive: theta = max(0, 1 - W / outflow).

    volume: fluid in the voxel at the start of the step [m3]; outflow: fluid leaving during the step [m3]. Zero while
    the voxel holds what leaves it (Courant number at most one), towards one as the Courant number grows.
    """
    if outflow <= volume:
        return 0.0
    return 1.0 - volume / outflow


@njit(forceinline=True)
def face_value(upstream, donor, downstream, courant, drift):
    """Concentration at a face, averaged over the step: third order in one uniform direction, second order else.

        c_f = c_d + (c_e - c_d) / 2 + drift - ((1 - C^2) / 6 + C / 4) (c_e - 2 c_d + c_u)

    donor d, downstream e, upstream u: concentrations [mol/m3]; courant: Q dt / W of the donor [1]; drift: change of
    the donor in half a step, from the equation itself [mol/m3]. With drift = -C (c_e - c_u) / 4 this is QUICKEST.
    """
    curvature = downstream - 2.0 * donor + upstream
    weight = (1.0 - courant * courant) / 6.0 + 0.25 * courant
    return donor + 0.5 * (downstream - donor) + drift - weight * curvature


@njit(forceinline=True)
def diffusive_conductance(content, next_content, inverse_square):
    """Diffusive conductance of a face [m3/s]: the harmonic mean of phi D, times area over distance.

        T = (A / h) * 2 a b / (a + b) / V = 2 a b / (a + b) / h^2

    content, next_content: W D of the two voxels [m5/s]; inverse_square: 1 / h^2 [1/m2]. Zero when either is zero.
    """
    total = content + next_content
    if total <= 0.0:
        return 0.0
    return 2.0 * content * next_content / total * inverse_square
