"""Drawn on tilted or uneven slices: where it lay, it lies on the even grid too."""

from dataclasses import replace

import numpy as np
import pytest
from dicom_files import ct_series, decimal, rtstruct, seg
from drawings import EYE, TILTED
from shell import oxablate

from oxablate.quantities.refusal import BadInput
from oxablate.space.files import read_image, write_image
from oxablate.space.image import Image
from oxablate.space.labels import read_segments

SPACING, ORIGIN, RADIUS = (0.8, 0.9), np.array([-10.0, -20.0, 30.0]), 11.0
STEPS = {
    "tilted": lambda n: (np.linspace(0, 30, n), (0.0, 0.27)),
    "tilted both ways": lambda n: (np.linspace(0, 30, n), (-0.2, 0.27)),
    "uneven": lambda n: (30 * (np.linspace(0, 1, n) + 0.03 * np.sin(np.linspace(0, 9, n))), (0.0, 0.0)),
    "one missing": lambda n: (np.delete(np.linspace(0, 30, n), n // 2), (0.0, 0.0)),
    "tilted, one missing": lambda n: (np.delete(np.linspace(0, 30, n), n // 2), (0.1, -0.3)),
}


def series(folder, heights, slope, axes=EYE, spacing=SPACING, shape=(44, 42)):
    """A series whose slices lie at `heights` along the third axis, shifted by `slope` per height; their places."""
    heights = np.asarray(heights)
    first = ORIGIN + heights[:, None] * (axes @ [*slope, 1.0])
    places = [[decimal(v) for v in place] for place in first]
    ct_series(folder, (*shape, len(heights)), (*spacing, 2.0), direction=axes, ImagePositionPatient=places.__getitem__)
    i, j = np.indices(shape)
    within = i[..., None] * spacing[0] * axes[:, 0] + j[..., None] * spacing[1] * axes[:, 1]
    return first + within[:, :, None, :]  # (nx, ny, n, 3)


def ball(places) -> tuple[np.ndarray, np.ndarray]:
    """A centre off the voxels, in the middle of the slices, and what of the voxels is within RADIUS."""
    centre = places.reshape(-1, 3).mean(axis=0) + [0.21, -0.13, 0.34]
    return centre, ((places - centre) ** 2).sum(axis=-1) < RADIUS**2


def circles(places, centre, axes=EYE):
    """The outline of the ball on every slice that it reaches, 240 corners each."""
    angle = np.linspace(0, 2 * np.pi, 240, endpoint=False)[:, None]
    found = []
    for k in range(places.shape[2]):
        height = float((places[0, 0, k] - centre) @ axes[:, 2])
        if abs(height) < RADIUS:
            r = np.sqrt(RADIUS**2 - height**2)
            found.append(centre + height * axes[:, 2] + r * (np.cos(angle) * axes[:, 0] + np.sin(angle) * axes[:, 1]))
    return found


def one(segments):
    """Volume [mm3] and centroid [mm] of the only segment."""
    (segment,) = segments.segments
    voxels = np.argwhere(segment.mask(segments.geometry.shape))
    return len(voxels) * segments.geometry.voxel_volume_mm3, segments.geometry.index_to_world_mm(voxels.mean(axis=0))


@pytest.mark.parametrize("name", STEPS)
@pytest.mark.parametrize("axes", [EYE, TILTED], ids=["axial", "oblique"])
def test_a_ball_drawn_on_the_slices_ends_where_it_was(tmp_path, name, axes):
    heights, slope = STEPS[name](16)
    places = series(tmp_path / "ct", heights, slope, axes)
    centre, inside = ball(places)
    image = read_image(tmp_path / "ct", uneven="resample")
    exact = 4 / 3 * np.pi * RADIUS**3
    drawings = {
        "SEG": seg(tmp_path / "s.dcm", tmp_path / "ct", {"Tumour": inside}),
        "RTSTRUCT": rtstruct(tmp_path / "r.dcm", tmp_path / "ct", {"Tumour": circles(places, centre, axes)}),
    }
    for kind, path in drawings.items():
        segments = read_segments(path, image)
        assert segments.geometry == image.geometry and "'Tumour'" in segments.notes[-1], kind
        volume, middle = one(segments)
        off = (middle - centre) @ axes / image.geometry.spacing
        assert np.abs(off).max() < 0.25, kind  # voxels; a slice taken for its neighbour would be one
        assert volume == pytest.approx(exact, rel=3 * 0.2 * max(SPACING) / RADIUS), kind  # a surface off by 0.2 pixels


def test_the_error_of_a_volume_falls_with_finer_slices(tmp_path):
    errors = []
    for n, fine in ((9, 1), (17, 2), (33, 4)):
        heights, slope = STEPS["uneven"](n)[0], (0.07, 0.27)
        spacing = tuple(s * 2 / fine for s in SPACING)
        places = series(tmp_path / f"{n}", heights, slope, spacing=spacing, shape=(22 * fine, 21 * fine))
        centre, _ = ball(places)
        path = rtstruct(tmp_path / f"{n}.dcm", tmp_path / f"{n}", {"Tumour": circles(places, centre)})
        volume, _ = one(read_segments(path, read_image(tmp_path / f"{n}", uneven="resample")))
        errors.append(abs(volume / (4 / 3 * np.pi * RADIUS**3) - 1))
    assert errors[2] < errors[0] / 4 and errors[2] < 0.01, errors  # first order at least


def test_what_is_shifted_by_whole_pixels_is_shifted_by_whole_pixels(tmp_path):
    places = series(tmp_path / "ct", 2.0 * np.arange(8), (0.0, 0.45))  # one pixel per slice
    drawn = np.random.default_rng(3).random(places.shape[:3]) < 0.4
    image = read_image(tmp_path / "ct", uneven="resample")
    found = read_segments(seg(tmp_path / "s.dcm", tmp_path / "ct", {"Noise": drawn}), image).segments[0]
    expected = np.zeros(image.data.shape, bool)
    for k in range(8):
        expected[:, k : k + 42, k] = drawn[:, :, k]
    assert np.array_equal(found.mask(image.data.shape), expected)


def test_a_missing_slice_lies_between_its_neighbours_and_the_others_stay(tmp_path):
    heights = np.delete(2.0 * np.arange(9), 4)
    places = series(tmp_path / "ct", heights, (0.0, 0.0))
    drawn = np.zeros(places.shape[:3], bool)
    for k, half in enumerate((0, 4, 6, 8, 12, 14, 3, 0)):
        drawn[20 - half : 20 + half, 15 - half // 2 : 15 + half // 2, k] = True
    image = read_image(tmp_path / "ct", uneven="resample")
    segments = read_segments(seg(tmp_path / "s.dcm", tmp_path / "ct", {"Box": drawn}), image)
    mask = segments.segments[0].mask(image.data.shape)
    assert np.array_equal(mask[:, :, [0, 1, 2, 3, 5, 6, 7, 8]], drawn)
    assert np.array_equal(np.flatnonzero(mask[:, 15, 4]), np.arange(10, 30))  # half way from 12..27 to 8..31


def test_an_end_is_half_a_slice_beyond_the_last_outline(tmp_path):
    places = series(tmp_path / "ct", [0.0, 2.0, 4.0, 6.0, 14.0, 16.0, 18.0], (0.0, 0.0))
    drawn = np.zeros(places.shape[:3], bool)
    drawn[5:9, 5:9, 2:4] = True
    image = read_image(tmp_path / "ct", uneven="resample")
    found = read_segments(seg(tmp_path / "s.dcm", tmp_path / "ct", {"Box": drawn}), image).segments[0]
    assert np.flatnonzero(found.mask(image.data.shape)[6, 6]).tolist() == [2, 3, 4, 5]  # to 10 mm, half way to 14


def as_if(image, other: Image) -> Image:
    """An image that says of itself, and of its slices, that it is another series."""
    return replace(image, reference=other.reference, slices=replace(image.slices, reference=other.reference))


def test_what_was_drawn_on_the_even_grid_is_taken_from_it(tmp_path):
    series(tmp_path / "ct", *STEPS["tilted"](16))
    image = read_image(tmp_path / "ct", uneven="resample")
    straight = series(tmp_path / "even", 2.0 * np.arange(16), (0.0, 0.0), shape=image.data.shape[:2])
    _, inside = ball(straight)
    path = seg(tmp_path / "s.dcm", tmp_path / "even", {"Tumour": inside})
    with pytest.raises(BadInput, match="series"):  # nothing is taken from another series, whatever its place
        read_segments(path, image)
    segments = read_segments(path, as_if(image, read_image(tmp_path / "even")))
    assert np.array_equal(segments.segments[0].mask(image.data.shape), inside) and not segments.notes


def test_a_map_made_elsewhere_is_refused(tmp_path):
    series(tmp_path / "ct", *STEPS["tilted"](16))
    image = read_image(tmp_path / "ct", uneven="resample")
    even = series(tmp_path / "even", 2.0 * np.arange(16), (0.0, 0.0))
    own = Image(ball(even)[1].astype(np.uint8), read_image(tmp_path / "even").geometry)
    with pytest.raises(BadInput, match="does not fit"):
        read_segments(write_image(tmp_path / "map.nii.gz", own), image)


def test_frames_across_the_slices_are_refused(tmp_path):
    series(tmp_path / "ct", *STEPS["uneven"](16))
    image = read_image(tmp_path / "ct", uneven="resample")
    turned = EYE[:, [1, 2, 0]]
    ct_series(tmp_path / "across", (42, 16, 44), (0.9, 2.0, 0.8), tuple(ORIGIN), turned)
    path = seg(tmp_path / "a.dcm", tmp_path / "across", {"Tumour": np.ones((42, 16, 44), bool)})
    with pytest.raises(BadInput, match="run across the slices"):
        read_segments(path, as_if(image, read_image(tmp_path / "across")))


@pytest.mark.parametrize("name", ["tilted", "tilted, one missing"])
@pytest.mark.parametrize("kind", ["SEG", "RTSTRUCT"])
def test_inspect_takes_a_tilted_series_with_what_was_drawn_on_it(tmp_path, name, kind):
    from cases import write_case

    from oxablate.protocol.case import load_case
    from oxablate.protocol.outcomes import picture
    from oxablate.protocol.setting import prepare

    places = series(tmp_path / "ct", *STEPS[name](16))
    centre, inside = ball(places)
    if kind == "SEG":
        seg(tmp_path / "drawn.dcm", tmp_path / "ct", {"Tumour": inside})
    else:
        rtstruct(tmp_path / "drawn.dcm", tmp_path / "ct", {"Tumour": circles(places, centre)})
    scan = {
        "image": "ct", "labels": "drawn.dcm", "label_names": {"Tumour": "tumour_viable"}, "host": "brain",
        "spacing": "2 mm", "margin": "3 mm", "body": "everything",
    }  # fmt: skip
    tip = [f"{v:.3f} mm" for v in centre]
    asked = write_case(
        tmp_path / "asked.yaml", subject={"scan": scan | {"uneven_slices": "resample"}}, needle__tip=tip,
        needle__frame="LPS",
    )  # fmt: skip
    refused = oxablate("inspect", write_case(tmp_path / "plain.yaml", subject={"scan": scan}))
    assert refused.status == 2 and "uneven_slices: resample" in refused.err
    said = oxablate("inspect", asked)
    assert said.status == 0 and not said.err, said.err
    assert "resampled linearly" in said.out and "carried onto the even grid: 'Tumour'" in said.out
    shown = picture(prepare(load_case(asked), tmp_path))  # what a run reads once more
    assert shown.ndim == 3 and shown.max() > shown.min()
    listed = oxablate("labels", tmp_path / "drawn.dcm", "--image", tmp_path / "ct")
    assert listed.status == 0 and "Tumour" in listed.out and "carried onto the even grid" in listed.out
