"""Makes the sound files that are mutated: `python make_corpus.py`. All are made up; nothing of them is a person.

Every file is written by a library or by hand from its format's description, never by the package under test. Each name
ends in `.seed`, so that nobody takes one for data. A scan is an image with its label map; each format holds a straight
one and one with turned axes.
"""

import gzip
import io
import shutil
import sys
import zlib
from pathlib import Path

import numpy as np

CORPUS = Path(__file__).parent / "corpus"
sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "tests"))

SHAPE, SPACING, ORIGIN = (12, 10, 6), (0.8, 0.9, 2.5), (-10.0, -20.0, 30.0)
STRAIGHT = np.eye(3)
_A, _B = np.deg2rad(20.0), np.deg2rad(-10.0)
TURNED = np.array([[np.cos(_A), -np.sin(_A), 0], [np.sin(_A), np.cos(_A), 0], [0, 0, 1]]) @ np.array(
    [[1, 0, 0], [0, np.cos(_B), -np.sin(_B)], [0, np.sin(_B), np.cos(_B)]]
)
POSES = {"straight": STRAIGHT, "turned": TURNED}


def values() -> np.ndarray:
    """Made-up intensities, whole numbers, different from voxel to voxel."""
    i, j, k = np.indices(SHAPE)
    return (40 + 3 * i + 17 * j - 5 * k + 60 * ((i * 7 + j * 3 + k * 5) % 11)).astype(np.int16)


def labels() -> np.ndarray:
    """A tumour (1) with a core (2) that touches it."""
    i, j, k = np.indices(SHAPE)
    radius = np.sqrt(((i - 5.5) / 4) ** 2 + ((j - 4.5) / 3) ** 2 + ((k - 2.5) / 2) ** 2)
    return np.where(radius < 0.5, 2, np.where(radius < 1.0, 1, 0)).astype(np.uint8)


def nifti(data: np.ndarray, axes: np.ndarray) -> bytes:
    """A NIfTI-1 file with the same place in sform and qform."""
    import nibabel

    to_ras = np.diag([-1.0, -1.0, 1.0])
    affine = np.eye(4)
    affine[:3, :3], affine[:3, 3] = to_ras @ axes * SPACING, to_ras @ ORIGIN
    image = nibabel.Nifti1Image(data, affine)
    image.set_qform(affine, code=1)
    image.set_sform(affine, code=1)
    image.header.set_xyzt_units("mm", "sec")
    return image.to_bytes()


def nrrd(data: np.ndarray, axes: np.ndarray, encoding: str, extra: dict | None = None) -> bytes:
    """An NRRD file with header and data in one."""
    import nrrd as library

    header = {
        "space": "left-posterior-superior", "space directions": (axes * SPACING).T, "space origin": np.array(ORIGIN),
        "kinds": ["domain"] * 3, "encoding": encoding,
    } | (extra or {})  # fmt: skip
    stream = io.BytesIO()
    library.write(stream, data, header, index_order="F")
    head, voxels = stream.getvalue().split(b"\n\n", 1)
    if encoding == "gzip":
        voxels = gzip.compress(gzip.decompress(voxels), 6, mtime=0)
    return b"\n".join(line for line in head.split(b"\n") if line[:1] != b"#") + b"\n\n" + voxels


def seg_nrrd(data: np.ndarray, axes: np.ndarray) -> bytes:
    """A label map with the names of its segments, as 3D Slicer writes it."""
    extra = {"Segmentation_MasterRepresentation": "Binary labelmap", "Segmentation_ReferenceImageExtentOffset": "0 0 0"}
    for number, name in enumerate(("Tumor", "Necrosis")):
        extra |= {
            f"Segment{number}_ID": f"Segment_{number + 1}", f"Segment{number}_Name": name,
            f"Segment{number}_LabelValue": str(number + 1), f"Segment{number}_Layer": "0",
            f"Segment{number}_Color": f"0.{number + 2} 0.5 0.4", f"Segment{number}_Extent": "0 11 0 9 0 5",
        }  # fmt: skip
    return nrrd(data, axes, "gzip", extra)


def metaimage(data: np.ndarray, axes: np.ndarray, compressed: bool) -> bytes:
    """A MetaImage file with header and data in one; TransformMatrix lists the axes one after the other."""
    raw = data.astype(data.dtype.newbyteorder("<")).tobytes(order="F")
    packed = zlib.compress(raw, 6) if compressed else raw
    numbers = {
        "TransformMatrix": axes.T.ravel(), "Offset": ORIGIN, "CenterOfRotation": (0, 0, 0), "ElementSpacing": SPACING,
        "DimSize": SHAPE,
    }  # fmt: skip
    text = {name: " ".join(f"{v:.15g}" for v in row) for name, row in numbers.items()}
    kind = {"int16": "MET_SHORT", "uint8": "MET_UCHAR"}[data.dtype.name]
    lines = [
        "ObjectType = Image", "NDims = 3", "BinaryData = True", "BinaryDataByteOrderMSB = False",
        f"CompressedData = {compressed}", *([f"CompressedDataSize = {len(packed)}"] if compressed else []),
        *[f"{name} = {text[name]}" for name in ("TransformMatrix", "Offset", "CenterOfRotation")],
        "AnatomicalOrientation = RAI", *[f"{name} = {text[name]}" for name in ("ElementSpacing", "DimSize")],
        f"ElementType = {kind}", "ElementDataFile = LOCAL",
    ]  # fmt: skip
    return ("\n".join(lines) + "\n").encode() + packed


def scans() -> dict[str, bytes]:
    """Every image and label map that is one file, by its path in the corpus."""
    image, mask, found = values(), labels(), {}
    for pose, axes in POSES.items():
        for name, data in (("image", image), ("labels", mask)):
            found[f"nifti/{pose}/{name}.nii"] = nifti(data, axes)
            found[f"gz/{pose}/{name}.nii.gz"] = gzip.compress(nifti(data, axes), 6, mtime=0)
            found[f"nrrd/{pose}/{name}.nrrd"] = nrrd(data, axes, "gzip" if pose == "straight" else "raw")
            found[f"mha/{pose}/{name}.mha"] = metaimage(data, axes, compressed=pose == "straight")
        found[f"segnrrd/{pose}/image.nrrd"] = found[f"nrrd/{pose}/image.nrrd"]
        found[f"segnrrd/{pose}/labels.seg.nrrd"] = seg_nrrd(mask, axes)
    return found


def dicom(folder: Path) -> None:
    """A CT series with an NRRD label map, a CT and an MR series with DICOM segmentations, and a multi-frame CT."""
    from dicom_files import ct_series, mr_series, multiframe_ct, seg

    masks = {"Tumor": labels() == 1, "Necrosis": labels() == 2}
    place = dict(shape=SHAPE, spacing=SPACING, origin=ORIGIN, values=values().astype(float))
    for pose, axes in POSES.items():
        home = folder / "dicom" / pose
        made = ct_series if pose == "straight" else mr_series
        made(home / "image", direction=axes, **(place | {"values": place["values"] + 500}))
        (home / "labels.nrrd").write_bytes(nrrd(labels(), axes, "gzip"))
        home = folder / "seg" / pose
        series = ct_series(home / "image", direction=axes, **place)
        seg(home / "labels.dcm", series[0].parent, masks)
    home = folder / "dicom" / "frames"
    multiframe_ct(home / "image.dcm", direction=TURNED, **place)
    (home / "labels.nrrd").write_bytes(nrrd(labels(), TURNED, "gzip"))


def main() -> None:
    """Write the corpus anew, except for its regression files and texts."""
    for part in ("nifti", "gz", "nrrd", "segnrrd", "mha", "dicom", "seg"):
        shutil.rmtree(CORPUS / part, ignore_errors=True)
    for name, content in scans().items():
        path = CORPUS / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    dicom(CORPUS)
    for path in sorted(CORPUS.rglob("*")):
        if path.is_file() and path.suffix != ".seed" and path.parent.name != "found":
            path.rename(path.with_name(path.name + ".seed"))
    print(sum(path.stat().st_size for path in CORPUS.rglob("*") if path.is_file()), "bytes")


if __name__ == "__main__":
    main()
