"""A DICOM series as an image: a folder of slices, or one multi-frame object.

Slices are put in order by their places; slope and intercept are applied slice by slice. Of the headers the image keeps
identifiers only (`DicomReference`). A folder holds one series and nothing else; these are passed over: names that begin
with a dot, DICOMDIR, and the files in which desktops keep folder settings. Folders in it are not entered.
"""

from pathlib import Path
from typing import Literal

import numpy as np

from ...quantities.refusal import BadInput
from ..image import Image, ImageGeometry
from ..room import require_room
from ..scaling import scaled, value_type
from .even import resampled
from .pixels import Pixels, frames_of, pixels_of, require_voxels
from .planes import Plane, kind_of, planes_of, require_not_cut
from .reference import DicomReference
from .slices import SlicePlanes
from .source import Source, is_dicom, open_source
from .stack import Stack, ordered, unevenness
from .tags import identifier, printable, value_of

_PASSED_OVER = {"dicomdir", "thumbs.db", "desktop.ini"}
_MOST_FILES = 20_000
_BLOCK = 16  # slices that are turned at a time: the array is stored with k fastest, files with i fastest


def read_series(path: Path, uneven: Literal["refuse", "resample"]) -> Image:
    """Image of the one series in a folder, or of one multi-frame file.

    uneven: what to do with slices at uneven distances or of a tilted gantry: "refuse", or "resample" them linearly to
    an even, right-angled grid. Values: int16 or int32 where slope and intercept are whole numbers shared by all slices,
    else float32. Fails with `BadInput`, which names the file, for anything that is not one readable series.
    """
    sources = [open_source(file) for file in _files(path)] if path.is_dir() else [open_source(path)]
    _require_one_series(sources, path)
    kinds = {kind_of(source)[1] for source in sources}
    if True in kinds and len(sources) > 1:
        raise BadInput(f"{path} holds {len(sources)} files, some with all slices in one; name that file alone")
    pixels = [pixels_of(source) for source in sources]
    _require_one_matrix(sources, pixels)
    for source, stored in zip(sources, pixels, strict=True):
        require_voxels(source, stored)
    planes = [plane for source, stored in zip(sources, pixels, strict=True) for plane in planes_of(source, stored)]
    extent = (pixels[0].columns, pixels[0].rows)
    stack = ordered(planes, extent, str(path))
    problem = unevenness(stack)
    if problem and uneven != "resample":
        raise BadInput(f"{path}: {problem}")
    data, notes = _values(stack, dict(zip(map(id, sources), pixels, strict=True)), kind_of(sources[0])[0])
    notes = [*stack.notes, *notes, *_said(sources[0], pixels[0])]
    if problem:
        return _on_even_grid(data, stack, problem.split(";")[0], notes)
    return Image(data, _geometry(stack, data.shape), _reference(stack.planes), tuple(notes))


def _files(folder: Path) -> list[Path]:
    """The files of a folder that should be slices, by name; `BadInput` for links out of it and what is no file."""
    found = []
    for file in sorted(folder.iterdir()):
        if file.name.startswith(".") or file.name.lower() in _PASSED_OVER or file.is_dir():
            continue
        if file.is_symlink() and not file.resolve().is_relative_to(folder.resolve()):
            raise BadInput(f"{file} is a link out of its folder; copy the file into the folder")
        if not file.is_file():
            raise BadInput(f"{file} is not a file with content; move it out of the folder")
        found.append(file)
    if not found:
        inside = [entry.name for entry in sorted(folder.iterdir()) if entry.is_dir() and not entry.is_symlink()]
        inner = f"; it holds the folder {printable(inside[0])!r}, name the one with the series" if inside else ""
        raise BadInput(f"the folder {folder} holds no DICOM files{inner or '; name the folder of one series'}")
    if len(found) > _MOST_FILES:
        raise BadInput(f"the folder {folder} holds {len(found)} files, at most {_MOST_FILES} are allowed")
    if not any(is_dicom(file) for file in found[:50]):
        raise BadInput(f"the folder {folder} holds {len(found)} files, none of them DICOM, such as {found[0].name}")
    return found


def _require_one_series(sources: list[Source], path: Path) -> None:
    """`BadInput` unless series, study, frame of reference and kind of object are the same in all files."""
    series: dict[str, list[Source]] = {}
    for source in sources:
        require_not_cut(source)
        key = identifier(source.data, "SeriesInstanceUID", source.name)
        if not key:
            raise BadInput(f"{source.name} does not say which series it belongs to; it is cut short, or no image")
        series.setdefault(key, []).append(source)
    if len(series) > 1:
        listed = "; ".join(_described(key, members) for key, members in list(series.items())[:4])
        more = f"; and {len(series) - 4} more" if len(series) > 4 else ""
        raise BadInput(f"{path} holds {len(series)} series; put one in a folder of its own: {listed}{more}")
    for keyword in ("SOPClassUID", "StudyInstanceUID", "FrameOfReferenceUID", "Modality"):
        found: dict[str, str] = {}
        for source in sources:
            found.setdefault(printable(value_of(source.data, keyword, source.name), 64), source.name)
        if len(found) > 1:
            (first, there), (second, here) = list(found.items())[:2]
            raise BadInput(
                f"{path} mixes slices: {keyword} is {first} in {there} and {second} in {here}; "
                "keep the files of one series"
            )


def _described(key: str, members: list[Source]) -> str:
    data = members[0].data
    words = [printable(data.get(keyword) or "", 24) for keyword in ("Modality", "SeriesDescription")]
    return f"{key} ({', '.join([word for word in words if word] + [f'{len(members)} files'])})"


def _require_one_matrix(sources: list[Source], pixels: list[Pixels]) -> None:
    usual = (pixels[len(pixels) // 2].rows, pixels[len(pixels) // 2].columns)
    for source, stored in zip(sources, pixels, strict=True):
        if (stored.rows, stored.columns) != usual:
            raise BadInput(
                f"{source.name} has {stored.rows} x {stored.columns} voxels where others of the series have "
                f"{usual[0]} x {usual[1]}; put each series in its own folder"
            )


def _values(stack: Stack, pixels: dict[int, Pixels], kind: str) -> tuple[np.ndarray, list[str]]:
    """The rescaled values (nx, ny, n), and sentences on the scaling and on padding."""
    scales = {plane.rescale for plane in stack.planes}
    if len(scales) > 1 and kind == "CT":
        usual = sorted(plane.rescale for plane in stack.planes)[len(stack.planes) // 2]
        odd = next(plane for plane in stack.planes if plane.rescale != usual)
        raise BadInput(
            f"{odd.name} has slope and intercept {odd.rescale}, others of this CT series {usual}; "
            "all slices of a CT share them, so the file is damaged or of another series"
        )
    used = [pixels[id(plane.source)] for plane in stack.planes]
    dtype = value_type(scales, {stored.span for stored in used}, max(stored.stored for stored in used))
    shape = (used[0].columns, used[0].rows, len(stack.planes))
    require_room(shape, dtype.itemsize, stack.planes[0].source.path.parent.name or "the series")
    data, padded = np.empty(shape, dtype), 0
    where = {(id(plane.source), plane.frame): k for k, plane in enumerate(stack.planes)}
    waiting: list[tuple[int, np.ndarray]] = []
    for source in {id(plane.source): plane.source for plane in stack.planes}.values():
        stored = pixels[id(source)]
        for frame, raw in enumerate(frames_of(source, stored)):
            k = where[id(source), frame]
            padded += 0 if stored.padding is None else int((raw == stored.padding).sum())
            waiting.append((k, scaled(raw, *stack.planes[k].rescale, dtype)))
            if len(waiting) == _BLOCK:
                _put(data, waiting)
    _put(data, waiting)
    notes = [f"slope and intercept differ from slice to slice ({len(scales)} pairs)"] if len(scales) > 1 else []
    if padded:
        notes.append(f"{padded} voxels hold the padding value (nothing measured there); kept as they are")
    return data, notes


def _put(data: np.ndarray, waiting: list[tuple[int, np.ndarray]]) -> None:
    """Write slices (rows, columns) into the array, several at a time: one alone would touch every cache line."""
    waiting.sort(key=lambda item: item[0])
    places = [k for k, _ in waiting]
    if places:
        stacked = np.stack([plane.T for _, plane in waiting], axis=-1)
        together = places == list(range(places[0], places[0] + len(places)))
        data[:, :, slice(places[0], places[0] + len(places)) if together else places] = stacked
    waiting.clear()


def _geometry(stack: Stack, shape) -> ImageGeometry:
    spacing = (*stack.spacing, stack.step)
    return ImageGeometry.from_columns(shape, stack.axes * spacing, stack.planes[0].position, spacing)


def _on_even_grid(data: np.ndarray, stack: Stack, problem: str, notes: list[str]) -> Image:
    """The image of an uneven stack on an even grid, float32."""
    steps = np.sort(np.diff(stack.heights))
    step = float(steps[(len(steps) - 1) // 2])  # the usual distance of planes: the lower median
    spacing, origin = (*stack.spacing, step), np.asarray(stack.planes[0].position)
    slices = SlicePlanes(data.shape, spacing, origin, stack.axes, stack.heights, stack.aside, _reference(stack.planes))
    shape = slices.even_shape
    require_room(shape, 4, "the even grid")
    out = np.empty(shape, np.float32)
    outside = resampled(data, slices, out)
    shift = stack.axes[:, :2] @ (slices.low * np.asarray(stack.spacing))
    geometry = ImageGeometry.from_columns(shape, stack.axes * spacing, origin + shift, spacing)
    nearest = [int(np.argmin(np.abs(stack.heights - k * step))) for k in range(shape[2])]
    notes = [
        f"resampled linearly to an even, right-angled grid of {geometry}, because {problem}",
        f"{outside:.2%} of its voxels lie outside the slices and hold the smallest value",
        *notes,
    ]
    return Image(out, geometry, _reference([stack.planes[k] for k in nearest]), tuple(notes), slices)


def _reference(planes) -> DicomReference:
    source = planes[0].source

    def said(plane: Plane, keyword: str) -> str:
        return identifier(plane.source.data, keyword, plane.source.name)

    alone = planes[0].alone
    return DicomReference(
        said(planes[0], "StudyInstanceUID"),
        said(planes[0], "SeriesInstanceUID"),
        said(planes[0], "FrameOfReferenceUID"),
        said(planes[0], "SOPClassUID"),
        tuple(said(plane, "SOPInstanceUID") for plane in planes)
        if alone
        else (identifier(source.data, "SOPInstanceUID", source.name),),
        () if alone else tuple(plane.frame + 1 for plane in planes),
    )


def _said(source: Source, pixels: Pixels) -> list[str]:
    """Sentences on what a header says that a reader of the values should know."""
    found = []
    if pixels.inverted:
        found.append("the images are meant to be shown inverted (MONOCHROME1); the numbers are kept as they are")
    if str(value_of(source.data, "LossyImageCompression", source.name) or "") == "01":
        found.append("the images were compressed with loss at some time; their values are not the measured ones")
    if not identifier(source.data, "FrameOfReferenceUID", source.name):
        found.append("the series names no frame of reference, so other objects cannot be matched to it")
    return found
