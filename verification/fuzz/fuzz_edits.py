"""Well-formed lies: what each format can do to its own header, most of all to geometry and to the scaling of values."""

import io
import json
import random
import re
import struct

from fuzz_mutate import NASTY

# --- NIfTI ---------------------------------------------------------------------------------------------------------

#: name: (offset, struct code, count) of the header fields that decide on geometry and values.
NIFTI = {
    "sizeof_hdr": (0, "i", 1), "dim": (40, "h", 8), "datatype": (70, "h", 1), "bitpix": (72, "h", 1),
    "pixdim": (76, "f", 8), "vox_offset": (108, "f", 1), "scl_slope": (112, "f", 1), "scl_inter": (116, "f", 1),
    "xyzt_units": (123, "B", 1), "qform_code": (252, "h", 1), "sform_code": (254, "h", 1),
    "quatern": (256, "f", 3), "qoffset": (268, "f", 3), "srow": (280, "f", 12),
}  # fmt: skip


def _nifti_field(data: bytes, rng: random.Random) -> bytes:
    """Write another number into one field of a NIfTI header."""
    offset, code, count = NIFTI[rng.choice(sorted(NIFTI))]
    at = offset + struct.calcsize(code) * rng.randrange(count)
    if len(data) < 352:
        return data + b"\0"
    if code == "f":
        (old,) = struct.unpack_from("<f", data, at)
        new = rng.choice((-old, old + rng.choice((0.1, 1.0, 10.0)), old * rng.choice((1.01, 1.5, 10.0)), 0.0, 1e30))
        packed = struct.pack("<f", new)
    else:
        top = {"h": 0x7FFF, "i": 0x7FFFFFFF, "B": 0xFF}[code]
        packed = struct.pack("<" + code, rng.choice((0, 1, 2, 3, 4, 16, 512, top, rng.randrange(top))) & top)
    return data[:at] + packed + data[at + len(packed) :]


def _in_gzip(data: bytes, rng: random.Random) -> bytes:
    """A lie in the header of the packed file, packed again with a sound checksum."""
    import gzip

    return gzip.compress(_nifti_field(gzip.decompress(data), rng), 1, mtime=0)


def _gzip_member(data: bytes, rng: random.Random) -> bytes:
    """A second gzip member, or rubbish, after the first."""
    import gzip

    return data + (gzip.compress(rng.randbytes(20), mtime=0) if rng.random() < 0.5 else rng.randbytes(20))


def _gzip_bomb(data: bytes, rng: random.Random) -> bytes:
    """Sound file followed, in the packed stream, by megabytes of zeros."""
    import gzip

    return gzip.compress(gzip.decompress(data) + bytes(rng.choice((10, 60)) * 1_000_000), 9, mtime=0)


# --- headers of text (NRRD, MetaImage) ------------------------------------------------------------------------------

_NUMBER = re.compile(rb"-?\d+(?:\.\d+)?(?:e-?\d+)?")


def _number_in(line: bytes, rng: random.Random) -> bytes:
    """A line with one of its numbers replaced by another one."""
    found = list(_NUMBER.finditer(line))
    if not found:
        return line + b" 1"
    one = rng.choice(found)
    old = float(one[0]) if len(one[0]) < 40 else 0.0
    near = (f"{old * rng.choice((-1, 1.01, 1.5, 10)):.10g}", f"{old + rng.choice((0.1, 1, -3, 25)):.10g}")
    new = rng.choice((*near, *near, rng.choice(NASTY), "9" * rng.choice((20, 400))))
    return line[: one.start()] + new.encode() + line[one.end() :]


def _header_lines(data: bytes, end: bytes) -> tuple[list[bytes], bytes]:
    head, mark, rest = data.partition(end)
    return head.split(b"\n"), mark + rest


def _nrrd_field(data: bytes, rng: random.Random) -> bytes:
    """Another number, type, encoding or space in an NRRD header."""
    lines, rest = _header_lines(data, b"\n\n")
    n = rng.randrange(1, len(lines)) if len(lines) > 1 else 0
    if rng.random() < 0.7:
        lines[n] = _number_in(lines[n], rng)
    else:
        words = {
            b"type": (b"float", b"double", b"uint16", b"int64", b"block"), b"encoding": (b"raw", b"gzip", b"bz2"),
            b"endian": (b"big", b"little"), b"space": (b"RAS", b"scanner-xyz", b"left-anterior-superior"),
            b"data file": (b"/etc/hostname", b"../other.raw", b"LIST"), b"byte skip": (b"-1", b"7", b"999999999"),
            b"line skip": (b"1", b"99999999"), b"kinds": (b"domain domain RGB-color",), b"spacings": (b"1 1 1",),
            b"dimension": (b"4", b"2", b"99"), b"space units": (b'"m" "m" "m"',),
        }  # fmt: skip
        key = rng.choice(sorted(words))
        lines = [line for line in lines if not line.startswith(key + b":")] + [key + b": " + rng.choice(words[key])]
    return b"\n".join(lines) + rest


def _mha_field(data: bytes, rng: random.Random) -> bytes:
    """Another number, type or file in a MetaImage header."""
    lines, rest = _header_lines(data, b"ElementDataFile")
    n = rng.randrange(max(1, len(lines) - 1))
    if rng.random() < 0.7:
        lines[n] = _number_in(lines[n], rng)
    else:
        words = {
            b"ElementType": (b"MET_FLOAT", b"MET_USHORT", b"MET_DOUBLE"), b"BinaryDataByteOrderMSB": (b"True",),
            b"HeaderSize": (b"-1", b"10", b"999999999"), b"ElementNumberOfChannels": (b"3",), b"NDims": (b"4", b"2"),
            b"CompressedData": (b"True", b"False"), b"CompressedDataSize": (b"1", b"99999999999"),
            b"AnatomicalOrientation": (b"LPS", b"RAS"), b"ElementSize": (b"9 9 9",), b"BinaryData": (b"False",),
        }  # fmt: skip
        key = rng.choice(sorted(words))
        lines = [key + b" = " + rng.choice(words[key])] + [line for line in lines if not line.startswith(key + b" ")]
    if rng.random() < 0.1:
        rest = rest.replace(b"LOCAL", rng.choice((b"/etc/hostname", b"LIST", b"../a.raw", b"image%d.raw 1 6 1")), 1)
    return b"\n".join(lines) + rest


# --- DICOM ---------------------------------------------------------------------------------------------------------


def _tags(data: bytes, keep, change) -> bytes:
    """Apply `change` to one element that `keep` selects, anywhere in the data set, and save it again."""
    from pydicom import dcmread

    found = dcmread(io.BytesIO(data), force=True)
    elements = [element for element in found.iterall() if keep(element)]
    change(elements)
    stream = io.BytesIO()
    found.save_as(stream)
    return stream.getvalue()


_GEOMETRY = {
    "PixelSpacing", "ImagePositionPatient", "ImageOrientationPatient", "RescaleSlope", "RescaleIntercept",
    "SpacingBetweenSlices", "Rows", "Columns", "BitsStored", "HighBit", "BitsAllocated", "PixelRepresentation",
    "NumberOfFrames", "SamplesPerPixel", "ReferencedSegmentNumber", "SegmentNumber", "PixelPaddingValue",
    "DimensionIndexValues", "PhotometricInterpretation", "SegmentationType", "ContourData", "ROINumber",
    "ReferencedROINumber", "SegmentLabel", "ROIName",
}  # fmt: skip


def _dicom_number(data: bytes, rng: random.Random) -> bytes:
    """Another value in an element that decides on geometry or values."""

    def change(elements) -> None:
        one = rng.choice(elements)
        many = isinstance(one.value, list) or (hasattr(one.value, "__iter__") and not isinstance(one.value, str))
        values = list(one.value) if many else [one.value]
        n = rng.randrange(len(values)) if values else 0
        values[n : n + 1] = [_other(values[n] if values else 0, one.VR, rng)]
        one.value = values if many else values[0]

    return _tags(data, lambda element: element.keyword in _GEOMETRY, change)


def _other(old, vr: str, rng: random.Random):
    """A value of the same kind as `old` but another."""
    if vr in ("DS", "FD", "FL"):
        moved = float(old) * rng.choice((-1, 1.01, 1.5, 10)) + rng.choice((0, 0.1, 25))
        return f"{moved:.10g}" if vr == "DS" else moved
    if vr in ("US", "UL", "IS", "SS"):
        return max(0, min(65535, int(old) + rng.choice((-1, 1, 8, 60000))))
    return rng.choice(("", "OTHER", "RGB", "<script>", "A" * 60))


def _dicom_uid(data: bytes, rng: random.Random) -> bytes:
    """Another identifier: of a series, a frame of reference, or of what is referred to."""

    def change(elements) -> None:
        one = rng.choice(elements)
        one.value = str(one.value)[:-1] + str(rng.randrange(10))

    return _tags(data, lambda element: element.VR == "UI" and element.value, change)


def _dicom_drop(data: bytes, rng: random.Random) -> bytes:
    """An element less."""
    from pydicom import dcmread

    found = dcmread(io.BytesIO(data), force=True)
    del found[rng.choice(sorted(found.keys()))]
    stream = io.BytesIO()
    found.save_as(stream)
    return stream.getvalue()


def _dicom_length(data: bytes, rng: random.Random) -> bytes:
    """A length field of a late element blown up."""
    at = data.rfind(b"OW\0\0") + 4
    return data[:at] + struct.pack("<I", rng.choice((0, 1, 0x7FFFFFFF, 0xFFFFFFFF, 10**6))) + data[at + 4 :]


# --- YAML and records ----------------------------------------------------------------------------------------------


def _yaml_line(data: bytes, rng: random.Random) -> bytes:
    """A line doubled, moved, indented, or taken out."""
    lines = data.split(b"\n")
    n = rng.randrange(len(lines))
    what = rng.randrange(4)
    if what == 0:
        lines.insert(rng.randrange(len(lines)), lines[n])
    elif what == 1:
        lines[n] = b" " * rng.choice((1, 2, 3)) + lines[n]
    elif what == 2:
        del lines[n]
    else:
        lines[n] = lines[n].lstrip()
    return b"\n".join(lines)


def _yaml_trick(data: bytes, rng: random.Random) -> bytes:
    """Something that YAML is known for, in place of a value."""
    tricks = (
        b"&a [*a]", b"*a", b"!!python/name:os.system", b"!!binary aGk=", b"10:30", b"1e-3", b"0o17", b"yes", b"~",
        b".nan", b"-.inf", b"<<: {seed: 1}", b"{" * 30, b"[" * 3000, b"9" * 5000, b"? {a: 1}", b"%YAML 1.1", b"---",
        b"...", b"- " * 500, b'"\\x1b[31m"', b"\xe2\x80\xae", b"2020-01-01", b"1_000", b"!!int '3'", b"'", b'"', b"|",
    )  # fmt: skip
    lines = data.split(b"\n")
    n = rng.randrange(len(lines))
    key, colon, _ = lines[n].partition(b":")
    lines[n] = key + colon + b" " + rng.choice(tricks)
    return b"\n".join(lines)


def _json_number(data: bytes, rng: random.Random) -> bytes:
    """A well-formed lie in a JSON file: one leaf replaced."""
    try:
        tree = json.loads(data)
    except ValueError:
        return data + b" "
    places: list = []

    def walk(node) -> None:
        for key in node if isinstance(node, dict) else range(len(node)):
            if isinstance(node[key], dict | list):
                walk(node[key])
            else:
                places.append((node, key))

    walk(tree)
    if not places:
        return data + b" "
    node, key = rng.choice(places)
    old = node[key]
    node[key] = old * 1.5 + 1 if isinstance(old, int | float) else rng.choice((None, "x", 0, [], str(old) + "x"))
    return json.dumps(tree).encode()


def _emptied(data: bytes, rng: random.Random) -> bytes:
    """Nothing left of the file."""
    return b""


EDITS = {
    "dicom": [_dicom_number, _dicom_uid, _dicom_drop, _dicom_length],
    "seg": [_dicom_number, _dicom_uid, _dicom_drop, _dicom_length],
    "nifti": [_nifti_field],
    "gz": [_in_gzip, _gzip_member, _gzip_bomb],
    "nrrd": [_nrrd_field],
    "segnrrd": [_nrrd_field],
    "mha": [_mha_field],
    "yaml": [_yaml_line, _yaml_trick],
    "record": [_json_number, _emptied],
}
