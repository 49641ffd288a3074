"""From the words of a case to needles in the subject, checked against what they pass and open into."""

import numpy as np

from ..anatomy.subject import Subject
from ..anatomy.tissue import Tissue
from ..device.course import check_course, check_spacing, check_volume, shaft_end
from ..device.gauge import NeedleTube, tube_of_gauge
from ..device.hand import HandSyringe
from ..device.needle import Needle, Point
from ..device.needles import Course, DrawnBack, EndHoleNeedle, MultiProng, SideHoleNeedle, StaysInPlace
from ..device.placement import spread_sites
from ..device.programme import Dwell, Give, Pause, Programme, in_turn
from ..device.pump import SyringePump
from ..physics.flow.well import EndHole
from ..quantities.refusal import BadInput
from ..space.grid import MM
from .case import Case, naming
from .case_needle import Injection, NeedlePlace, Phase
from .delivery import Delivery, Drive, Hub, Placed, needle_tip

#: Of its length: a shaft that is in the body up to its entry, but for round-off.
_WHOLE = 1e-9


def deliver(case: Case, subject: Subject) -> tuple[Delivery, tuple[str, ...]]:
    """The delivery of a case, and sentences on what to look at before the run. Raises BadInput."""
    with naming("needle"):
        needles = _needles(case.needle, subject)
    groups = [needles] if case.injection.needles == "one_hub" else [(needle,) for needle in needles]
    with naming("injection"):
        hubs = tuple(Hub(*pair) for pair in zip(_drives(case.injection, subject, len(groups)), groups, strict=True))
    with naming("needle"):
        path = _path(case.needle)
        found = Delivery(hubs, path, case.model.track == "gap", max(subject.grid.spacing))
        if case.injection.needles == "one_hub":
            MultiProng(needles)  # refuses prongs that share a tip
        return found, _checked(found, subject)


# -- needles ----------------------------------------------------------------------------------------------------


def _needles(place: NeedlePlace, subject: Subject) -> tuple[Placed, ...]:
    tube = None if place.gauge is None else tube_of_gauge(place.gauge, place.length)
    if place.sites is not None:
        courses = _spread(place, subject, tube)
    else:
        tips = [("needle.tip", place.tip, place.entry)]
        tips += [(f"needle.others.{n}.tip", other.tip, other.entry) for n, other in enumerate(place.others)]
        courses = [(lps(entry, place.frame), tip_of(tip, place.frame, subject, key)) for key, tip, entry in tips]
    return tuple(_needle(place, tube, *course) for course in courses)


def _needle(place: NeedlePlace, tube: NeedleTube | None, entry: Point | None, tip: Point) -> Placed:
    if tube is None or entry is None:
        return Needle(entry, tip, place.cavity_radius)
    course = Course(entry, tip)
    if place.side_holes is not None:
        return SideHoleNeedle(course, tube, place.side_holes.distances, place.side_holes.radii)
    return EndHoleNeedle(course, tube, place.cavity_radius)


def lps(point, frame: str | None) -> Point | None:
    """A place of a case in LPS [m]; None where there is none."""
    if point is None:
        return None
    sign = (-1.0, -1.0, 1.0) if frame == "RAS" else (1.0, 1.0, 1.0)
    return tuple(s * x for s, x in zip(sign, point, strict=True))


def tip_of(point, frame: str | None, subject: Subject, key: str = "needle.tip") -> Point:
    """A tip in LPS [m], the tumour's centroid where the case says so. Raises BadInput, at `key`, outside the grid."""
    if point == "centroid":
        return tuple(x * MM for x in subject.tumour_centre_mm())
    tip = tuple(float(x) for x in lps(point, frame))
    if not subject.grid.contains(tip):
        with naming(key):
            subject.require_inside_body(tuple(x / MM for x in tip), "needle tip")
    return tip


def _spread(place: NeedlePlace, subject: Subject, tube: NeedleTube) -> list[tuple[Point, Point]]:
    """(entry, tip) of needles spread over the tumour: parallel ways to where each leaves the body."""
    towards = np.asarray(lps(place.sites.approach, place.frame))
    found = []
    for site in spread_sites(subject.tumour_mask, subject.grid, place.sites.count):
        tip = tuple(float(x) for x in site)
        course = Course(tuple(float(x) for x in site + tube.length * towards), tip)
        end, _ = shaft_end(course, subject.grid, subject.body_mask)
        if subject.grid.contains(course.entry) and np.allclose(end, course.entry, rtol=0, atol=1e-9 * tube.length):
            raise BadInput(
                f"a needle of {tube.length / MM:g} mm does not reach from the surface to the site at "
                f"({', '.join(f'{x / MM:.1f}' for x in tip)}) mm; take a longer one, or another approach"
            )
        beyond = float(np.linalg.norm(np.subtract(end, tip))) + 0.25 * min(subject.grid.spacing)
        found.append((course.at(min(beyond, course.length)), tip))
    return found


def _path(place: NeedlePlace) -> StaysInPlace | DrawnBack:
    if place.withdrawal is None:
        return StaysInPlace()
    path = DrawnBack(place.withdrawal.times, place.withdrawal.distances)
    if path.distances[0] != 0.0:
        raise BadInput(
            f"withdrawal: it begins {path.distances[0] / MM:g} mm back; begin with '0 mm', the tip is where it starts"
        )
    return path


# -- drives -----------------------------------------------------------------------------------------------------


def _drives(injection: Injection, subject: Subject, count: int) -> tuple[Drive, ...]:
    """One drive per hub; each gives an equal part of the volume."""
    body = float(subject.body_mask.sum()) * subject.grid.voxel_volume
    drives: list = [_drive(injection, subject, count)] * count
    check_volume(sum(drive.volume for drive in drives), body)
    if injection.needles != "in_turn":
        return tuple(drives)
    plain = [d if isinstance(d, Programme) else Programme((Give(d.volume, d.flow_rate),), d.start) for d in drives]
    return in_turn(plain, injection.change)


def _drive(injection: Injection, subject: Subject, count: int) -> Drive:
    if injection.phases:
        return Programme(tuple(_phase(phase, count) for phase in injection.phases), injection.start)
    volume = injection.volume
    if volume is None:
        volume = injection.fraction_of_tumour * float(subject.tumour_mask.sum()) * subject.grid.voxel_volume
    hand = injection.hand
    if hand is None:
        return SyringePump(volume / count, injection.flow_rate, injection.start)
    return HandSyringe(volume / count, hand.free_rate, hand.stall_pressure, hand.compliance, injection.start)


def _phase(phase: Phase, count: int) -> Give | Pause | Dwell:
    if phase.give is not None:
        return Give(phase.give / count, phase.flow_rate)
    return Dwell(phase.dwell) if phase.pause is None else Pause(phase.pause)


# -- checks -----------------------------------------------------------------------------------------------------


def _checked(delivery: Delivery, subject: Subject) -> tuple[str, ...]:
    """What to warn of; raises BadInput for needles that cannot be where they are said to be."""
    grid, body = subject.grid, subject.body_mask
    check_spacing(delivery.openings, grid)
    vessel = subject.labels == Tissue.LARGE_VESSEL
    found: list[str] = []
    for needle in delivery.needles:
        if isinstance(needle, Needle):
            # where nobody said the entry, only the opening itself can be looked at
            ahead = tuple(x + max(grid.spacing) * (a == 0) for a, x in enumerate(needle.tip))
            course, openings = Course(needle.entry or ahead, needle.tip), (needle.tip,)
        else:
            course, openings = needle.course, needle.openings()
        if not isinstance(needle, Needle) or needle.entry is not None:
            _check_bone(course, subject)
        found += check_course(course, openings, grid, body, np.zeros(grid.shape, bool), vessel)
        if not delivery.simple:
            found += _track_notes(course, delivery, subject)
            _require_holes_in_tissue(needle, subject)
        elif not body[_voxel(grid, needle_tip(needle))]:
            _require_tissue(needle, subject)
    return tuple(dict.fromkeys(found))


def _check_bone(course: Course, subject: Subject) -> None:
    """Refuse a shaft through bone, looked for in the whole scan: ribs lie beyond the computing grid."""
    origin = subject.origin
    if origin.bone is not None:
        none = np.zeros(origin.bone.shape, bool)
        check_course(course, (), origin.source.to_grid(), none, origin.bone, none)


def _voxel(grid, point: Point) -> tuple[int, ...]:
    index = np.floor(grid.world_to_index(point) + 0.5).astype(int)
    return tuple(np.clip(index, 0, np.asarray(grid.shape) - 1))


def _require_tissue(needle: Placed, subject: Subject) -> None:
    """Refuse an end hole in air whose cavity touches no tissue: nothing would be injected."""
    tip = needle_tip(needle)
    try:
        _ = EndHole(subject.grid, tip, needle.cavity_radius, subject.body_mask).entry
    except ValueError:
        with naming("needle.tip"):
            subject.require_inside_body(tuple(x / MM for x in tip), "needle tip")


def _require_holes_in_tissue(needle: Placed, subject: Subject) -> None:
    """Refuse side holes beyond where the needle leaves the body, or the grid."""
    if not isinstance(needle, SideHoleNeedle):
        return
    end, _ = shaft_end(needle.course, subject.grid, subject.body_mask)
    depth = float(np.linalg.norm(np.subtract(end, needle.course.tip)))
    if (last := max(needle.distances)) >= depth:
        raise BadInput(
            f"side holes: the one {last / MM:g} mm from the tip lies in air or off the grid, {depth / MM:.3g} mm from "
            "the tip on lie in tissue; move the holes, insert further, or take a larger margin"
        )


def _track_notes(course: Course, delivery: Delivery, subject: Subject) -> list[str]:
    """Refuse a withdrawal out of the body; say where the track leaves the grid before the body."""
    end, in_air = shaft_end(course, subject.grid, subject.body_mask)
    depth = float(np.linalg.norm(np.subtract(end, course.tip)))
    back = max((far for _, far in delivery.moves), default=0.0)
    if back >= depth:
        raise BadInput(
            f"withdrawal: {back / MM:g} mm back the needle is out of the body, in which {depth / MM:.3g} mm of it lie; "
            "draw it back less"
        )
    if not delivery.gap:
        return []
    lost = "what flows that far along it counts as lost at the surface"
    further = course.at(course.length + max(subject.grid.spacing))
    whole = depth >= course.length * (1.0 - _WHOLE)
    if not in_air or (whole and not subject.grid.contains(further)):
        return [f"the grid ends {depth / MM:.3g} mm up the needle, before the body does: {lost}"]
    if whole and subject.body_mask[_voxel(subject.grid, further)]:
        entry = ", ".join(f"{x / MM:.1f}" for x in course.entry)
        return [
            f"the entry at ({entry}) mm LPS, {depth / MM:.3g} mm up the needle, lies inside the body, a voxel further "
            f"out there is still tissue: {lost}; move it to where the needle enters"
        ]
    return []
