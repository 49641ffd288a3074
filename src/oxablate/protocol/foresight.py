"""What can be said of needles, drives and models before a run, in plain words."""

import numpy as np

from ..anatomy.tissue import Tissue
from ..device.hand import HandSyringe
from ..device.needles import EndHoleNeedle, SideHoleNeedle, StaysInPlace
from ..device.programme import Pause, Programme
from ..quantities import dimension as dim
from ..quantities.parameter_set import MECHANICS
from ..quantities.unit import show
from ..space.grid import MM
from .cracking import RESOLVED
from .cut_off import tissue_at_tip
from .delivery import Drive, Placed
from .setting import Setting, effective_vascular_pressure


def delivery_lines(setting: Setting) -> list[str]:
    """Needles and drives of a case, a line for each."""
    lines = []
    for hub in setting.delivery.hubs:
        lines += [f"Needle  {_needle(needle, setting)}" for needle in hub.needles]
        lines.append(f"{'Hand' if isinstance(hub.drive, HandSyringe) else 'Pump':<8}{_drive(hub.drive, setting)}")
    path = setting.delivery.path
    if not isinstance(path, StaysInPlace):
        lines.append(
            f"Drawn   back by {show(path.distances[-1], dim.LENGTH)} from {show(path.times[0], dim.TIME)} to "
            f"{show(path.times[-1], dim.TIME)}, in {len(setting.delivery.moves)} steps"
        )
    return lines


def _needle(needle: Placed, setting: Setting) -> str:
    tip = needle.course.tip if isinstance(needle, EndHoleNeedle | SideHoleNeedle) else needle.tip
    text = f"tip at {_place(tip)} mm LPS"
    if isinstance(needle, SideHoleNeedle):
        holes = ", ".join(f"{d / MM:.3g}" for d in needle.distances)
        text += f", closed, with side holes {holes} mm from it"
    else:
        text += f", cavity radius {show(needle.cavity_radius, dim.LENGTH)}"
    if isinstance(needle, EndHoleNeedle | SideHoleNeedle):
        text += (
            f", entry at {_place(needle.course.entry)} mm, {setting.case.needle.gauge} gauge "
            f"({2 * needle.tube.outer_radius / MM:.3g} mm wide), {show(needle.tube.length, dim.LENGTH)} long"
        )
    return text


def _place(point) -> str:
    return "(" + ", ".join(f"{x / MM + 0.0:.1f}" for x in point) + ")"


def _drive(drive: Drive, setting: Setting) -> str:
    follow = f"; followed for {show(setting.case.follow, dim.TIME)}"
    if isinstance(drive, HandSyringe):
        return (
            f"{show(drive.volume, dim.VOLUME)} at {show(drive.free_rate, dim.FLOW_RATE)} without load, stalling at "
            f"{show(drive.stall_pressure, dim.PRESSURE)}, from {show(drive.start, dim.TIME)} on{follow}"
        )
    times = f"from {show(drive.start, dim.TIME)} to {show(drive.end, dim.TIME)}{follow}"
    if isinstance(drive, Programme):
        pauses = sum(isinstance(phase, Pause) for phase in drive.phases)
        phases = f"{len(drive.pumps())} phases that give and {pauses} pauses"
        return f"{show(drive.volume, dim.VOLUME)} in {phases}, {times}"
    return f"{show(drive.volume, dim.VOLUME)} at {show(drive.flow_rate, dim.FLOW_RATE)}, {times}"


def model_lines(setting: Setting) -> list[str]:
    """Pores, cracks and track of a case, a line for each."""
    model = setting.case.model
    cracks = "none, whatever the pressure"
    if model.cracks == "cubic":
        memory = "opened paths open more easily again" if model.crack_memory == "non_local" else "without memory"
        tumour = setting.parameters[Tissue.TUMOUR_VIABLE.word]["fracture_pressure"].si
        cracks = f"cubic law, {memory}; viable tumour cracks above {show(tumour, dim.PRESSURE)}"
    track = "tight: nothing flows back along the needle"
    if model.track == "gap":
        stress = setting.parameters[tissue_at_tip(setting)]["contact_stress"].si
        track = f"a gap opens along the needle above its contact stress, {show(stress, dim.PRESSURE)} at the tip"
    return [f"Pores   {model.pores}; beyond the grid: {model.beyond}", f"Cracks  {cracks}", f"Track   {track}"]


def foreseen(setting: Setting) -> list[str]:
    """Sentences on what is outside the models, or decides more than is known, before anything is computed."""
    found = [*_pressures(setting), *_memory(setting), *_grid(setting)]
    follow, moves = setting.case.follow, setting.delivery.moves
    if setting.pump.start >= follow:
        found.append("the run ends before the first drive starts; nothing is given")
    elif setting.pump.end > follow:
        found.append("the run ends before the pump does; only a part of the volume is given")
    if moves and moves[-1][0] > follow:
        found.append("the run ends before the needles are drawn back as far as is written")
    return found


def _pressures(setting: Setting) -> list[str]:
    """What intact, rigid tissue would need against what tissue bears."""
    word, model = tissue_at_tip(setting), setting.case.model
    section = setting.parameters[word]
    rigid = setting.pump.flow_rate / (
        4 * np.pi * section["hydraulic_conductivity"].si * setting.case.needle.cavity_radius
    )
    cracks, lifts = section["fracture_pressure"].si, section["contact_stress"].si
    found = []
    if rigid > cracks:
        ending = (
            "where it goes is decided by cracks, whose numbers are poorly known"
            if model.cracks == "cubic"
            else "cracks are not in this model, by the case's choice"
        )
        found.append(
            f"intact, rigid {word} would need {show(rigid, dim.PRESSURE)} at the needle, above the "
            f"{show(cracks, dim.PRESSURE)} at which tissue is taken to crack; {ending}"
        )
    stall = max((h.drive.stall_pressure for h in setting.delivery.hubs if isinstance(h.drive, HandSyringe)), default=0)
    if 0 < stall < rigid:
        found.append(
            f"the hand stalls at {show(stall, dim.PRESSURE)}, less than intact, rigid {word} would need for the rate "
            "without load: how fast it gives is decided by what opens"
        )
    if min(rigid, cracks) > lifts:
        ending = (
            "liquid flows back along it, and how much is decided by that stress, which nobody has measured"
            if model.track == "gap"
            else "a real needle would leak there, and this case holds it tight"
        )
        found.append(f"the tissue holds the needle with {show(lifts, dim.PRESSURE)}, less than that; {ending}")
    return found


def _memory(setting: Setting) -> list[str]:
    """Tissue that once torn would stay open by the pressure it has at rest."""
    if setting.case.model.crack_memory == "none":
        return []
    word = tissue_at_tip(setting)
    section = setting.parameters[word]
    again = setting.parameters[MECHANICS]["reopening_share"].si * section["fracture_pressure"].si
    rest = effective_vascular_pressure(section)
    if again >= rest:
        return []
    return [
        f"torn {word} opens again at {show(again, dim.PRESSURE)}, less than its pressure at rest of up to "
        f"{show(rest, dim.PRESSURE)}: cracks stay open and fill from the vessels"
    ]


def _grid(setting: Setting) -> list[str]:
    """Whether the grid resolves what the cracks follow."""
    if setting.case.model.cracks != "cubic":
        return []
    common, edge = setting.parameters[MECHANICS], max(setting.subject.grid.spacing)
    length = common["fracture_correlation_length"].si
    if common["fracture_log_variance"].si == 0.0 or length >= RESOLVED * edge * (1.0 - 1e-9):
        return []
    return [
        f"the fracture pressure varies over {show(length, dim.LENGTH)}, {length / edge:.2g} voxels; from "
        f"{RESOLVED:g} voxels on, statistics of the paths are resolved"
    ]
