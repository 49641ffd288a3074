"""Whether the tissue of a case is whole before anything is given, asked before anything is written."""

from contextlib import suppress

from ..anatomy.tissue import Tissue
from ..quantities.refusal import RunFailed
from .cracking import fracture_pressure
from .setting import Setting, effective_vascular_pressure


def require_whole_at_rest(setting: Setting) -> None:
    """Raise BadInput for a case whose tissue would crack at its pressure at rest.

    No pressure at rest is above the highest that drives it, so it is solved for only where that reaches a fracture
    pressure.
    """
    if setting.case.model.cracks != "cubic":
        return
    if fracture_pressure(setting)[setting.subject.body_mask].min() > _highest(setting):
        return
    from .coupling import ArmRun

    with suppress(RunFailed):  # why no rest is found is for the run to say
        ArmRun(setting, setting.arms[0])


def _highest(setting: Setting) -> float:
    """Highest pressure [Pa] that drives tissue at rest: of the vessels, and of the tissue beyond the grid."""
    words = (tissue.word for tissue in Tissue if tissue is not Tissue.AIR)
    return max(setting.far_pressure, *(effective_vascular_pressure(setting.parameters[word]) for word in words))
