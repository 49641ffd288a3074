"""What tests of label files share: a grid, an image on it, parts drawn on it, and what segments are held against."""

import numpy as np
from dicom_files import uid

from oxablate.space.dicom.reference import DicomReference
from oxablate.space.image import Image, ImageGeometry

SHAPE, SPACING, ORIGIN = (12, 10, 6), (0.8, 0.9, 2.5), (-10.0, -20.0, 30.0)
EYE = np.eye(3)
TILTED = np.array([[0.8, 0.36, 0.48], [-0.6, 0.48, 0.64], [0.0, -0.8, 0.6]])  # a rotation, exact in two digits


def geometry(direction=EYE, shape=SHAPE, spacing=SPACING, origin=ORIGIN) -> ImageGeometry:
    return ImageGeometry.from_columns(shape, np.asarray(direction) * np.asarray(spacing), origin)


def image(where=None, series="ct", frame="ct") -> Image:
    where = geometry() if where is None else where
    named = DicomReference(
        uid("ct", "study"), uid(series, "series"), uid(frame, "frame"), "1.2.840.10008.5.1.4.1.1.2", ("1.2",)
    )
    return Image(np.zeros(where.shape, np.int16), where, named)


def masks() -> dict[str, np.ndarray]:
    """Three parts without symmetry; the second lies inside the first, the third has slices between that are empty."""
    drawn = {name: np.zeros(SHAPE, bool) for name in ("Tumour", "Necrosis", "Vessel")}
    drawn["Tumour"][2:8, 3:9, 1:5] = True
    drawn["Tumour"][2, 3, 1] = False
    drawn["Necrosis"][4:6, 5:7, 2:4] = True
    drawn["Vessel"][9, 1, 0] = drawn["Vessel"][10, 2, 5] = True
    return drawn


def found(segments) -> dict[str, np.ndarray]:
    return {s.name: s.mask(segments.geometry.shape) for s in segments.segments}


def assert_equal(segments, drawn) -> None:
    seen = found(segments)
    assert list(seen) == list(drawn)
    for name, mask in drawn.items():
        assert np.array_equal(seen[name], mask), name
        assert next(s for s in segments.segments if s.name == name).voxels == mask.sum()


def world(index, where) -> np.ndarray:
    return where.index_to_world_mm(np.asarray(index, float))


def square(low, high, k) -> list[tuple[float, float, float]]:
    return [(low, low, k), (high, low, k), (high, high, k), (low, high, k)]
