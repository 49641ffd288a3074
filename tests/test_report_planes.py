"""Slices the right way round, on every orientation a scan can have; numbers and shares in honest words."""

import itertools

import numpy as np
import pytest

from oxablate.report import wording
from oxablate.report.planes import ENDS, planes

SHAPE = (5, 6, 7)

ALL_ORIENTATIONS = [
    (order, signs) for order in itertools.permutations(range(3)) for signs in itertools.product((1, -1), repeat=3)
]


def turned(degrees: float) -> np.ndarray:
    """A rotation about an axis that lies along no grid axis."""
    from scipy.spatial.transform import Rotation

    return Rotation.from_rotvec(np.radians(degrees) * np.array([1.0, 2.0, -1.0]) / np.sqrt(6.0)).as_matrix()


def positions(direction: np.ndarray) -> np.ndarray:
    """LPS coordinates of every voxel of a grid with these axes, shape (3, *SHAPE): what the letters are checked by."""
    index = np.stack(np.meshgrid(*map(np.arange, SHAPE), indexing="ij"))
    return np.einsum("pa,aijk->pijk", direction, index)


@pytest.mark.parametrize("tilt", [0.0, 20.0])
@pytest.mark.parametrize(("order", "signs"), ALL_ORIENTATIONS)
def test_letters_stand_where_the_patient_is(order, signs, tilt):
    direction = turned(tilt) @ np.eye(3)[:, list(order)] * np.array(signs)
    place = positions(direction)
    for plane in planes(direction):
        left, right, bottom, top = plane.letters
        columns = {"right": (right, 1), "left": (left, 1), "top": (top, 0), "bottom": (bottom, 0)}
        for edge, (letter, axis) in columns.items():
            patient = next(p for p in range(3) if letter in ENDS[p])
            slab = plane.cut(place[patient], (2, 2, 2))
            growing = np.diff(slab, axis=axis).mean() > 0
            towards_growing_index = edge in ("right", "top")
            positive = ENDS[patient].index(letter) == 1
            assert growing == (towards_growing_index == positive), (plane.name, edge, letter)


def test_the_convention_is_the_radiologists():
    letters = {plane.name: plane.letters for plane in planes(np.eye(3))}
    assert letters["axial"] == ("R", "L", "P", "A")  # seen from the feet: the patient's left on the right
    assert letters["coronal"] == ("R", "L", "I", "S")
    assert letters["sagittal"] == ("A", "P", "I", "S")


@pytest.mark.parametrize(("order", "signs"), ALL_ORIENTATIONS)
def test_a_voxel_is_marked_where_it_is_drawn(order, signs):
    direction = np.eye(3)[:, list(order)] * np.array(signs)
    voxel = (1, 4, 2)
    field = np.zeros(SHAPE)
    field[voxel] = 1.0
    for plane in planes(direction):
        (row,), (column,) = np.nonzero(plane.cut(field, voxel))
        assert plane.position(voxel, SHAPE) == (column, row)


def test_an_oblique_slice_says_so():
    assert planes(np.eye(3))[0].title == "axial"
    assert (
        "20\u00b0 oblique"
        in planes(np.array([[1, 0, 0], [0, 0.9396926, -0.3420201], [0, 0.3420201, 0.9396926]]))[0].title
    )


@pytest.mark.parametrize(
    ("share", "words"),
    [
        (0.0, "0 %"), (0.0012, "0.12 %"), (1e-9, "less than 0.001 %"), (0.5, "50 %"), (1.0, "100 %"),
        (0.999999, "99.999 %"), (float("nan"), "not a number"),
    ],
)  # fmt: skip
def test_a_share_is_printed_honestly(share, words):
    assert wording.percent(share).replace("\u202f", " ") == words


@pytest.mark.parametrize(
    ("written", "printed"),
    [
        ("3 uL", "3 \u00b5L"),
        ("5 umol", "5 \u00b5mol"),
        ("2 um", "2 \u00b5m"),
        ("m^2/(Pa s)", "m\u00b2/(Pa s)"),
        ("mumble", "mumble"),
    ],
)
def test_units_are_typeset(written, printed):
    assert wording.typeset(written) == printed


def test_times_and_volumes_have_the_unit_people_use():
    said = [wording.duration(s).replace("\u202f", " ") for s in (0.0, 90.0, 600.0, 7200.0, 259200.0)]
    assert said == ["0 s", "90 s", "10 min", "2 h", "3 d"]
    assert wording.volume(0.0).startswith("0")
    assert (
        wording.volume(1e-20).startswith("less than")
        and wording.volume(3.16e-9).replace("\u202f", " ") == "3.16 \u00b5L"
    )
    assert (
        wording.numbers_in("log-uniform, 1e-15 to 2.5e+03")
        == "log-uniform, 1\u00d710\u207b\u00b9\u2075 to 2.5\u00d710\u00b3"
    )
