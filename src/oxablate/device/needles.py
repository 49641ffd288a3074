"""Needles as they are: one opening at the end, holes along the side, several prongs from one hub; and drawn back."""

import math
from dataclasses import dataclass
from itertools import pairwise

from ..quantities.refusal import BadInput
from .gauge import NeedleTube
from .needle import Point


@dataclass(frozen=True)
class Course:
    """The straight way of a needle. entry: LPS [m], where it enters the body; tip: LPS [m].

    Raises BadInput for points that coincide or are not finite.
    """

    entry: Point
    tip: Point

    def __post_init__(self) -> None:
        for name, point in (("entry", self.entry), ("tip", self.tip)):
            if len(point) != 3 or not all(math.isfinite(x) for x in point):
                raise BadInput(f"needle {name}: {point!r} is not a point; give three finite LPS positions")
        if not self.length > 0:
            raise BadInput(f"needle: entry and tip are both {self.tip!r}; give two different points")

    @property
    def length(self) -> float:
        """Inserted length [m]."""
        return math.dist(self.entry, self.tip)

    def at(self, distance: float) -> Point:
        """The point [m] at a distance [m] from the tip, towards the entry."""
        share = distance / self.length
        return tuple(t + share * (e - t) for e, t in zip(self.entry, self.tip, strict=True))


def _fits(course: Course, tube: NeedleTube) -> None:
    if course.length > tube.length:
        raise BadInput(
            f"needle: {course.length:g} m lie in the body, but its tube is {tube.length:g} m long; take a longer "
            "needle or move entry or tip"
        )


@dataclass(frozen=True)
class EndHoleNeedle:
    """A needle that opens at its tip. cavity_radius: [m] of the fluid cavity there."""

    course: Course
    tube: NeedleTube
    cavity_radius: float

    def __post_init__(self) -> None:
        _fits(self.course, self.tube)
        if not 0 < self.cavity_radius < self.course.length:
            raise BadInput(
                f"needle cavity radius: {self.cavity_radius!r} m is not above zero and below the inserted length; give "
                "one such as '0.35 mm'"
            )

    def openings(self) -> tuple[Point, ...]:
        """Where fluid leaves, LPS [m], the deepest first."""
        return (self.course.tip,)


@dataclass(frozen=True)
class SideHoleNeedle:
    """A needle with a closed tip and round holes in its side.

    distances: of the holes' centres from the tip [m], growing. radii: [m], one per hole. Raises BadInput where holes
    overlap, lie beyond the inserted part, or are wider than the tube.
    """

    course: Course
    tube: NeedleTube
    distances: tuple[float, ...]
    radii: tuple[float, ...]

    def __post_init__(self) -> None:
        _fits(self.course, self.tube)
        if not self.distances or len(self.distances) != len(self.radii):
            raise BadInput(
                f"side holes: {len(self.distances)} distances and {len(self.radii)} radii came; give at least one hole "
                "and a radius for each"
            )
        if not all(0 < radius <= self.tube.inner_radius for radius in self.radii):
            raise BadInput(
                f"side holes: radii {self.radii!r} m must be above zero and at most the lumen's, "
                f"{self.tube.inner_radius:g} m; give smaller holes"
            )
        if not all(r <= d <= self.course.length - r for d, r in zip(self.distances, self.radii, strict=True)):
            raise BadInput(
                f"side holes: distances {self.distances!r} m from the tip must lie on the inserted "
                f"{self.course.length:g} m; move the holes or insert further"
            )
        holes = zip(self.distances, self.radii, strict=True)
        if any(b - a < ra + rb for (a, ra), (b, rb) in pairwise(holes)):
            raise BadInput(
                f"side holes: distances {self.distances!r} m must grow and holes may not overlap; space them out"
            )

    def openings(self) -> tuple[Point, ...]:
        """Where fluid leaves, LPS [m], the deepest first."""
        return tuple(self.course.at(distance) for distance in self.distances)


@dataclass(frozen=True)
class MultiProng:
    """Several needles on one hub, that share what its drive gives.

    Raises BadInput for fewer than two prongs, and where two have one tip.
    """

    prongs: tuple[EndHoleNeedle | SideHoleNeedle, ...]

    def __post_init__(self) -> None:
        if len(self.prongs) < 2:
            raise BadInput(
                f"a multi-prong needle came with {len(self.prongs)} prong; give two or more, or a single needle"
            )
        tips = [prong.course.tip for prong in self.prongs]
        if len(set(tips)) < len(tips):
            raise BadInput(f"a multi-prong needle has two prongs with one tip, {tips!r}; move one of them")

    def openings(self) -> tuple[Point, ...]:
        """Where fluid leaves, LPS [m], prong by prong, the deepest first."""
        return tuple(point for prong in self.prongs for point in prong.openings())


@dataclass(frozen=True)
class StaysInPlace:
    """A needle that is not moved while it gives."""

    def withdrawn(self, time: float) -> float:
        """How far [m] the needle is drawn back at a time [s]: nothing."""
        return 0.0


@dataclass(frozen=True)
class DrawnBack:
    """A needle that is drawn back along its own track, evenly between the times given.

    times: [s], growing. distances: [m] from the deepest place of the tip, one per time, never falling. Before the first
    time the needle stands at the first distance, after the last at the last. Raises BadInput otherwise.
    """

    times: tuple[float, ...]
    distances: tuple[float, ...]

    def __post_init__(self) -> None:
        if len(self.times) < 2 or len(self.times) != len(self.distances):
            raise BadInput(
                f"withdrawal: {len(self.times)} times and {len(self.distances)} distances came; give two or more"
            )
        if not all(math.isfinite(x) for x in (*self.times, *self.distances)) or not all(
            b > a for a, b in pairwise(self.times)
        ):
            raise BadInput(f"withdrawal: times {self.times!r} s must be finite and grow; put them in order")
        if not (self.distances[0] >= 0 and all(b >= a for a, b in pairwise(self.distances))):
            raise BadInput(
                f"withdrawal: distances {self.distances!r} m must start at zero or more and never fall; a needle "
                "pushed in again is another needle"
            )

    def withdrawn(self, time: float) -> float:
        """How far [m] the needle is drawn back at a time [s]."""
        if time <= self.times[0]:
            return self.distances[0]
        for (a, x), (b, y) in pairwise(zip(self.times, self.distances, strict=True)):
            if time <= b:
                return x + (y - x) * (time - a) / (b - a)
        return self.distances[-1]


def tip_at(course: Course, path: StaysInPlace | DrawnBack, time: float) -> Point:
    """Where the tip is [m] at a time [s]; raises BadInput where the needle would be out of the body by then."""
    back = path.withdrawn(time)
    if back >= course.length:
        raise BadInput(
            f"withdrawal: at {time:g} s the needle is drawn back {back:g} m of the {course.length:g} m inserted, so it "
            "is out; draw it back less, or stop giving before"
        )
    return course.at(back)
