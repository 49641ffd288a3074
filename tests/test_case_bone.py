"""A needle in a scan: bone in its way, a vessel at its tip."""

from shell import assert_refused, oxablate
from test_cli_scans import labels, write_scan

from oxablate.space.image import Image


def drawn(bone=2, vessel=False) -> Image:
    """The tumour with a sheet of bone across the image, beyond the computing grid, and a vessel in its middle."""
    plain = labels()
    values = plain.data.copy()
    values[bone] = 2
    if vessel:
        values[9:12, 9:12, 9:12] = 3
    return Image(values, plain.geometry)


NAMES = {1: "tumour_viable", 2: "host", 3: "large_vessel"}
NEEDLE = {"tip": ["10 mm", "10 mm", "10 mm"], "frame": "LPS", "gauge": 22, "length": "90 mm"}
FROM_BELOW, FROM_ABOVE = ["0.5 mm", "10 mm", "10 mm"], ["19 mm", "10 mm", "10 mm"]


def scan(folder, entry, bone=(2,), vessel=False, **needle):
    """A case with a scan of its own, a needle in it, and bone."""
    return write_scan(
        folder, None, drawn(vessel=vessel), NEEDLE | {"entry": entry} | needle, label_names=NAMES, bone=list(bone)
    )


def test_a_needle_through_bone_is_refused_also_beyond_the_grid(tmp_path):
    assert_refused(
        oxablate("inspect", scan(tmp_path / "a", FROM_BELOW)), "mine.yaml: ", "needle", "through bone", "another entry"
    )
    assert oxablate("inspect", scan(tmp_path / "b", FROM_ABOVE)).status == 0
    assert oxablate("inspect", scan(tmp_path / "c", FROM_BELOW, bone=())).status == 0
    plain = {"gauge": None, "length": None}
    case = scan(tmp_path / "d", FROM_BELOW)
    text = "".join(line for line in case.read_text().splitlines(True) if not line.strip().startswith((*plain, "track")))
    case.write_text(text)
    assert_refused(oxablate("inspect", case), "through bone")


def test_bone_that_nobody_drew_is_refused(tmp_path):
    case = scan(tmp_path / "a", FROM_ABOVE, bone=(7,))
    assert_refused(oxablate("inspect", case), "mine.yaml: subject.scan.bone", "no segment 7", "[1, 2]")


def test_a_tip_in_a_large_vessel_is_warned_of_and_kept(tmp_path):
    from oxablate.protocol.stages import inspect

    case = scan(tmp_path / "a", FROM_ABOVE, vessel=True)
    said = oxablate("inspect", case)
    assert said.status == 0 and "opens inside a large vessel" in said.out
    assert any("large vessel" in note for note in inspect(case).setting.subject.origin.notes)
