"""What a case says of needles and of what drives the liquid through them."""

from typing import Annotated, Literal

from pydantic import Field, model_validator

from ..device.gauge import tube_of_gauge
from ..quantities.refusal import BadInput
from .case_part import (
    CavityRadius,
    Compliance,
    Distances,
    FlowRate,
    Part,
    Pressure,
    Radii,
    Share,
    Span,
    Time,
    Times,
    TubeLength,
    Volume,
    left_out,
)
from .quantified import Direction, Entry, Point

#: Most needles of a case; more is a slip.
MOST_NEEDLES = 50


class Sites(Part):
    """Needles spread over the tumour's shape, all from one side."""

    count: Annotated[int, Field(ge=2, lt=MOST_NEEDLES + 1, strict=True)]
    approach: Direction


class FurtherNeedle(Part):
    """One more needle like the first."""

    tip: Point
    entry: Entry

    @model_validator(mode="after")
    def _placed(self):
        for key in ("tip", "entry"):
            if getattr(self, key) is None:
                raise left_out(key)
        return self


class SideHoles(Part):
    """Round holes in the side of a needle whose tip is closed."""

    distances: Distances
    radii: Radii

    @model_validator(mode="after")
    def _paired(self):
        if len(self.distances) != len(self.radii):
            raise BadInput(
                f"{len(self.distances)} distances and {len(self.radii)} radii came; give a radius for each hole"
            )
        return self


class Withdrawal(Part):
    """How the needles are drawn back along their own track while they give."""

    times: Times
    distances: Distances


class NeedlePlace(Part):
    """Where the needles are and what they are.

    tip: "centroid", or LPS or RAS coordinates [m]. sites: instead of a tip. entry: where the first needle enters.
    others: further needles like it. gauge and length: of the tube.
    """

    tip: Point = None
    sites: Sites | None = None
    entry: Entry = None
    frame: Literal["LPS", "RAS"] | None = None
    others: Annotated[tuple[FurtherNeedle, ...], Field(max_length=MOST_NEEDLES)] = ()
    cavity_radius: CavityRadius
    gauge: Annotated[int, Field(ge=1, strict=True)] | None = None
    length: TubeLength | None = None
    side_holes: SideHoles | None = None
    withdrawal: Withdrawal | None = None

    @property
    def several(self) -> bool:
        """Whether there is more than one needle."""
        return bool(self.others) or self.sites is not None

    @property
    def followed(self) -> bool:
        """Whether the way of the tube through the tissue is known."""
        return self.gauge is not None and (self.entry is not None or self.sites is not None)

    @model_validator(mode="after")
    def _one_way_to_say_where(self):
        if self.tip is None and self.sites is None:
            raise left_out("tip")
        if self.sites is not None and (self.tip is not None or self.entry is not None or self.others):
            raise BadInput("needles spread over 'sites' have no 'tip', 'entry' or 'others'; give one or the other")
        return self

    @model_validator(mode="after")
    def _framed(self):
        bare = (self.tip in ("centroid", None)) and self.entry is None and not self.several
        if not bare and self.frame is None:
            raise BadInput("coordinates need a frame; add 'frame: LPS' (DICOM, ITK) or 'frame: RAS' (3D Slicer, NIfTI)")
        return self

    @model_validator(mode="after")
    def _tubed(self):
        if (self.gauge is None) != (self.length is None):
            raise left_out("length" if self.length is None else "gauge")
        if self.gauge is not None:
            tube_of_gauge(self.gauge, self.length)  # refuses what is not in the table
        for key, asked in (("several needles", self.several), ("side holes", self.side_holes is not None),
                           ("a withdrawal", self.withdrawal is not None)):  # fmt: skip
            if asked and not self.followed:
                way = "'gauge' and 'length'" if self.sites is not None else "'gauge', 'length' and 'entry'"
                raise BadInput(f"{key} came without a tube and its way; add {way}")
        if self.withdrawal is not None and self.side_holes is not None:
            raise BadInput("a needle with side holes cannot be drawn back while it gives; leave out one of the two")
        return self


class Hand(Part):
    """A syringe pushed by hand: see `device.hand`."""

    free_rate: FlowRate
    stall_pressure: Pressure
    compliance: Compliance


class Phase(Part):
    """One phase of a programme: give a volume at a rate, pause, or dwell."""

    give: Volume | None = None
    flow_rate: FlowRate | None = None
    pause: Span | None = None
    dwell: Span | None = None

    @model_validator(mode="after")
    def _one(self):
        if sum(one is not None for one in (self.give, self.pause, self.dwell)) != 1:
            raise BadInput("a phase either gives, pauses or dwells; write exactly one of 'give', 'pause' and 'dwell'")
        if self.give is not None and self.flow_rate is None:
            raise left_out("flow_rate")
        if self.give is None and self.flow_rate is not None:
            raise BadInput("a phase that waits has no flow rate; remove 'flow_rate', or write 'give'")
        return self


class Injection(Part):
    """What the drives do: a volume, or a share of the tumour's volume, at a rate or by hand; or phase by phase.

    All needles together give the volume, in equal parts; a rate is that of each drive.
    """

    volume: Volume | None = None
    fraction_of_tumour: Share | None = None
    phases: Annotated[tuple[Phase, ...], Field(max_length=100)] = ()
    flow_rate: FlowRate | None = None
    hand: Hand | None = None
    start: Time = 0.0
    needles: Literal["one_hub", "at_once", "in_turn"] | None = None
    change: Time | None = None

    @model_validator(mode="after")
    def _one(self):
        if sum((self.volume is not None, self.fraction_of_tumour is not None, bool(self.phases))) != 1:
            raise BadInput(
                "an injection has either a 'volume', a 'fraction_of_tumour' or 'phases'; give exactly one of them"
            )
        return self

    @model_validator(mode="after")
    def _driven(self):
        if self.phases and (self.flow_rate is not None or self.hand is not None):
            raise BadInput("'phases' have their own flow rates; remove 'flow_rate' and 'hand', or the phases")
        if self.hand is not None and self.flow_rate is not None:
            raise BadInput("a hand and a pump cannot both drive; remove 'flow_rate', or 'hand'")
        if not self.phases and self.hand is None and self.flow_rate is None:
            raise left_out("flow_rate")
        return self

    @model_validator(mode="after")
    def _changed(self):
        if (self.needles == "in_turn") != (self.change is not None):
            raise (
                left_out("change")
                if self.change is None
                else BadInput(
                    "'change' is the time between two needles in turn; remove it, or write 'needles: in_turn'"
                )
            )
        if self.needles == "in_turn" and self.hand is not None:
            raise BadInput("needles in turn need to know when each ends, which no hand does; use a pump or phases")
        return self


class Tracer(Part):
    """A solute that reacts with nothing, carried by the liquid of every arm."""

    agent: Annotated[str, Field(min_length=1, max_length=200)]
    concentration: Annotated[str, Field(min_length=1, max_length=200)]
