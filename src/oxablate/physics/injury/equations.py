"""Which dose kills: a hypothesis, stated as a law on a dose, the same for tumour and normal tissue.

In every voxel, over the swept part f and the rest, which see different doses:

    killed = max(killed before,                         death is not undone
                 f K(dose in the swept part)            a front has passed: the fast pools are gone
                 + (1 - f) K(dose in the rest))         what was mixed into the voxel

    K      = x / (1 + x),   x = (dose / (sigma lethal dose))^m

K [1] share of the cells killed, one half at the lethal dose; m steepness [1]; sigma selectivity [1]: 1 in the tumour,
and outside it the factor by which normal tissue bears more (1: no difference). The dose is one of

    loss / (1 - loss)                                   odds of thiol loss, loss = 1 - R / R_start [1]
    integral of c^n dt                                  exposure with toxic power n [(mol/m3)^n s]

Behind a front the loss is complete and K = 1. The odds make a complete loss lethal at any steepness, and none
harmless.

Sources: C^n t as a measure of toxic exposure, W. F. ten Berge, A. Zwart, L. M. Appelman, J. Hazard. Mater. 13 (1986)
301-309, doi:10.1016/0304-3894(86)85003-8; the log-logistic response, J. Berkson, J. Am. Stat. Assoc. 39 (1944) 357-365,
doi:10.1080/01621459.1944.10500699. That the loss of thiols kills is assumed here, not measured.
"""

from ...numerics.jit import njit


@njit(forceinline=True)
def killed_share(dose, lethal_dose, steepness):
    """K = x / (1 + x), x = (dose / lethal dose)^steepness [1]: dose and lethal_dose in one unit, both >= 0."""
    if dose <= 0.0:
        return 0.0
    return 1.0 / (1.0 + (lethal_dose / dose) ** steepness)


@njit(forceinline=True)
def odds_of_loss(left, start):
    """Odds (start - left) / left of the loss of a pool [1]; left and start [mol/m3], infinite where nothing is left."""
    if left >= start:
        return 0.0
    return (start - left) / left
