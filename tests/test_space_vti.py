"""ParaView files, read back by an independent parser of the format (and by VTK where it is installed)."""

import base64
import itertools
import xml.etree.ElementTree as ElementTree
import zlib

import numpy as np
import pytest

from oxablate.quantities.refusal import BadInput
from oxablate.space.grid import VoxelGrid
from oxablate.space.vti import write_vti

AXES = np.linalg.qr(np.random.default_rng(4).normal(size=(3, 3)))[0]
GRID = VoxelGrid((50, 60, 70), (1e-3, 2e-3, 0.5e-3), (0.01, -0.02, 0.03), tuple(map(tuple, AXES.tolist())))


def fields():
    random = np.random.default_rng(0)
    return {
        ("pressure", "Pa"): random.normal(size=GRID.shape),
        ("tissue <&>", "1"): random.integers(0, 8, GRID.shape).astype(np.uint8),
        ("flux", "m s-1"): random.normal(size=(*GRID.shape, 3)).astype(np.float32),
        ("body", "1"): random.random(GRID.shape) > 0.5,
    }


def parse(path):
    """Image element and arrays of a .vti with appended base64 zlib data, by the published format alone."""
    root = ElementTree.parse(path).getroot()
    assert root.get("header_type") == "UInt64" and root.get("compressor") == "vtkZLibDataCompressor"
    data = root.find("AppendedData").text.strip()[1:]
    arrays = {}
    for entry in root.iter("DataArray"):
        text = data[int(entry.get("offset")) :]
        count = int(np.frombuffer(base64.b64decode(text[:12])[:8], "<u8")[0])
        width = -(-8 * (3 + count) // 3) * 4
        _, block, last, *sizes = np.frombuffer(base64.b64decode(text[:width]), "<u8").tolist()
        blob = base64.b64decode(text[width : width + -(-sum(sizes) // 3) * 4])
        starts = np.cumsum([0, *sizes])
        parts = [zlib.decompress(blob[a:b]) for a, b in itertools.pairwise(starts)]
        assert all(len(p) == block for p in parts[:-1]) and len(parts[-1]) == (last or block)
        kind = {"Float64": "<f8", "Float32": "<f4", "UInt8": "u1"}[entry.get("type")]
        arrays[entry.get("Name")] = np.frombuffer(b"".join(parts), kind), int(entry.get("NumberOfComponents", 1))
    return root.find("ImageData"), arrays


def test_fields_and_place_come_back(tmp_path):
    path = write_vti(tmp_path / "x.vti", GRID, fields())
    image, arrays = parse(path)
    assert set(arrays) == {"pressure [Pa]", "tissue <&> [1]", "flux [m s-1]", "body [1]"}
    for (name, unit), values in fields().items():
        flat, components = arrays[f"{name} [{unit}]"]
        shape = (*GRID.shape[::-1], components) if components > 1 else GRID.shape[::-1]
        back = np.moveaxis(flat.reshape(shape), (0, 1, 2), (2, 1, 0))
        assert np.array_equal(back, values)
    assert image.get("WholeExtent") == "0 50 0 60 0 70"
    numbers = {k: np.array(image.get(k).split(), float) for k in ("Origin", "Spacing", "Direction")}
    centre = numbers["Origin"] + numbers["Direction"].reshape(3, 3) @ (numbers["Spacing"] * (np.array([3, 4, 5]) + 0.5))
    assert np.allclose(centre, GRID.index_to_world((3, 4, 5)) * 1e3, rtol=1e-12)


def test_file_is_stamped_and_the_same_twice(tmp_path):
    first = write_vti(tmp_path / "a.vti", GRID, fields()).read_bytes()
    assert b"research use only" in first[:200]
    assert write_vti(tmp_path / "b.vti", GRID, fields()).read_bytes() == first


@pytest.mark.parametrize(
    ("name", "values", "word"),
    [
        ("x.vti", np.zeros((2, 2, 2)), "shape"),
        ("x.vti", np.zeros(GRID.shape, complex), "type"),
        ("x.vtu", np.zeros(GRID.shape), "ending"),
    ],
)
def test_unusable_fields_are_refused(tmp_path, name, values, word):
    with pytest.raises(BadInput, match=word):
        write_vti(tmp_path / name, GRID, {("a", "1"): values})
    assert not list(tmp_path.iterdir())


def test_vtk_reads_it(tmp_path):
    vtk = pytest.importorskip("vtk")
    from vtk.util.numpy_support import vtk_to_numpy

    reader = vtk.vtkXMLImageDataReader()
    reader.SetFileName(str(write_vti(tmp_path / "x.vti", GRID, fields())))
    reader.Update()
    image = reader.GetOutput()
    values = vtk_to_numpy(image.GetCellData().GetArray("pressure [Pa]")).reshape(GRID.shape[::-1]).transpose(2, 1, 0)
    assert np.array_equal(values, fields()[("pressure", "Pa")])
    flux = vtk_to_numpy(image.GetCellData().GetArray("flux [m s-1]")).reshape(*GRID.shape[::-1], 3)
    assert np.array_equal(flux.transpose(2, 1, 0, 3), fields()[("flux", "m s-1")])
    corner = [0.0, 0.0, 0.0]
    image.TransformContinuousIndexToPhysicalPoint(3.5, 4.5, 5.5, corner)
    assert np.allclose(corner, GRID.index_to_world((3, 4, 5)) * 1e3)
