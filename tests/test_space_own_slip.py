"""A slip of the package is not blamed on the file, and what a library raises on a damaged file is no slip."""

import subprocess
import sys

import numpy as np
import pytest
from dicom_files import ct_series, seg
from drawings import geometry, image

from oxablate.quantities.refusal import BadInput
from oxablate.space import files, labels
from oxablate.space.files import read_image, write_image
from oxablate.space.image import Image
from oxablate.space.labels import read_segments

SLIPS = {
    "NameError": "absent_name",
    "AttributeError": "None.absent",
    "TypeError": "len(3)",
    "ImportError": "import absent_module_of_nobody",
}


def raising(statement: str, module: str):
    """A function of the module of this name that executes a statement, whatever it is called with."""
    scope = {"__name__": module}
    exec(f"def door(*_, **__):\n    {statement}", scope)
    return scope["door"]


@pytest.fixture
def nifti(tmp_path):
    return write_image(tmp_path / "a.nii.gz", Image(np.zeros((4, 5, 6), np.int16), geometry(shape=(4, 5, 6))))


@pytest.mark.parametrize("name", SLIPS)
def test_a_slip_of_ours_passes_the_doors(monkeypatch, nifti, name):
    wrong = raising(SLIPS[name], "oxablate.space.nifti")
    monkeypatch.setitem(files._READERS, ".nii.gz", wrong)
    monkeypatch.setattr(labels, "read_label_map", wrong)
    for door in (lambda: read_image(nifti), lambda: read_segments(nifti, None)):
        with pytest.raises((NameError, AttributeError, TypeError, ImportError)) as error:
            door()
        assert not isinstance(error.value, BadInput) and name in {kind.__name__ for kind in type(error.value).__mro__}


@pytest.mark.parametrize("name", SLIPS)
def test_the_same_in_a_library_is_a_damaged_file(monkeypatch, nifti, name):
    inner = raising(SLIPS[name], "nibabel.nifti1")
    monkeypatch.setitem(files._READERS, ".nii.gz", lambda path: inner())
    with pytest.raises(BadInput, match=r"a\.nii\.gz cannot be read as an image .*may be damaged"):
        read_image(nifti)


@pytest.mark.parametrize("kind", ["ValueError('x')", "KeyError(1)", "MemoryError", "OverflowError", "RecursionError"])
def test_what_damaged_numbers_do_in_our_own_code_is_a_damaged_file(monkeypatch, nifti, kind):
    monkeypatch.setitem(files._READERS, ".nii.gz", raising(f"raise {kind}", "oxablate.space.nifti"))
    with pytest.raises(BadInput, match="may be damaged"):
        read_image(nifti)


def test_a_slip_deep_in_the_dicom_reader_passes_every_catch(monkeypatch, tmp_path):
    from oxablate.space.dicom import pixels, seg_read, source

    ct_series(tmp_path / "ct")
    drawn = seg(tmp_path / "s.dcm", tmp_path / "ct", {"Tumour": np.ones((12, 10, 6), bool)})
    for module, function in ((source, "_pixel_element"), (pixels, "require_room")):
        with monkeypatch.context() as patch:
            patch.setattr(module, function, raising("absent_name", module.__name__))
            with pytest.raises(NameError):
                read_image(tmp_path / "ct")
    monkeypatch.setattr(seg_read, "_names", raising("absent_name", seg_read.__name__))
    with pytest.raises(NameError):
        read_segments(drawn, image())


def test_at_the_command_line_a_slip_is_a_failure_and_no_refusal(nifti):
    script = (
        "import sys\nfrom oxablate.cli.main import main\nfrom oxablate.space import labels\n"
        "def slip(path):\n    return absent_name\nslip.__globals__['__name__'] = 'oxablate.space.labels'\n"
        f"labels.read_label_map = slip\nsys.argv = ['oxablate', 'labels', {str(nifti)!r}]\nmain()\n"
    )
    said = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, timeout=120)
    assert said.returncode == 3 and "NameError" in said.stderr and "please report it" in said.stderr, said
    assert "Traceback" not in said.stderr and "damaged" not in said.stderr
