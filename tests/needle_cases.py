"""Cases with a tube, several needles or a hand, shared by the tests of needles and drives."""

from pathlib import Path

from cases import small_case

from oxablate.protocol.setting import prepare

SKIN = {"host": "liver", "margin": "8 mm", "skin": {"kind": "skin", "depth": "5 mm", "thickness": "2 mm"}}
#: A tube from above (the skin lies at -y): it leaves the body 13 mm from the tumour's centre.
TUBE = dict(
    needle={
        "tip": "centroid",
        "entry": ["0 mm", "-15 mm", "0 mm"],
        "frame": "LPS",
        "cavity_radius": "0.35 mm",
        "gauge": 22,
        "length": "60 mm",
    },
    subject__phantom__recipe__surroundings=SKIN,
)
OTHER = {"tip": ["6 mm", "0 mm", "0 mm"], "entry": ["6 mm", "-15 mm", "0 mm"]}
SITES = {"sites": {"count": 4, "approach": [0, -1, 0]}, "frame": "LPS", "cavity_radius": "0.35 mm"} | {
    "gauge": 25, "length": "40 mm",
}  # fmt: skip
HAND = {"free_rate": "1 mL/s", "stall_pressure": "300 kPa", "compliance": "0.01 uL/kPa"}
ML, MIN = 1e-6, 60.0


def tube(**changes) -> dict:
    """The changes of a case with a tube, with other values of its needle."""
    return TUBE | {"needle": TUBE["needle"] | changes}


def ready(**changes):
    return prepare(small_case(**changes), Path())


def tube_and(**changes) -> dict:
    return TUBE | changes
