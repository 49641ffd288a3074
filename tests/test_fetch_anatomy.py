"""Real anatomy on request, without any network: a made-up archive, and indexes on this machine."""

import functools
import hashlib
import http.server
import io
import json
import re
import tarfile
import threading
from dataclasses import replace

import numpy as np
import pytest
from shell import assert_refused, files_under, oxablate

from oxablate.anatomy.archive import data_members
from oxablate.anatomy.lesion import put_lesion
from oxablate.protocol import real_anatomy
from oxablate.quantities.refusal import BadInput, RunFailed
from oxablate.space.files import read_image, read_labels
from oxablate.space.image import Image, ImageGeometry
from oxablate.storage import package_index
from oxablate.storage.package_index import PipSettings, Wanted, fetch, pip_settings

AXES = ((1.0, 0.0, 0.0), (0.0, 1.0, 0.0), (0.0, 0.0, 1.0))
GEOMETRY = ImageGeometry((24, 24, 22), (3.0, 3.0, 3.0), (-30.0, 10.0, 200.0), AXES)


def ball(centre, radius_mm, geometry=GEOMETRY):
    index = np.stack(np.meshgrid(*map(np.arange, geometry.shape), indexing="ij"), -1)
    return (((index - centre) * geometry.spacing) ** 2).sum(-1) <= radius_mm**2


def nifti(data) -> bytes:
    from pathlib import Path

    from oxablate.space.nifti import write_nifti

    return write_nifti(Path("x.nii.gz"), Image(data, GEOMETRY))


def archive_of(members: dict[str, bytes], odd: list[tarfile.TarInfo] = ()) -> bytes:
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w:gz") as tar:
        for name, content in members.items():
            about = tarfile.TarInfo(name)
            about.size = len(content)
            tar.addfile(about, io.BytesIO(content))
        for about in odd:
            tar.addfile(about)
    return out.getvalue()


@pytest.fixture(scope="module")
def real():
    """A made-up archive with the structure of the real one: {member: content}."""
    labels = np.zeros(GEOMETRY.shape, np.uint8)
    labels[ball((12, 12, 11), 27.0)] = 5
    labels[2:4, 12, :] = 63
    labels[ball((18, 12, 11), 5.0)] = 64
    labels[0, 0, 0] = 99  # a structure that is not kept
    noise = np.random.default_rng(3).integers(-10, 10, GEOMETRY.shape)
    image = np.where(ball((12, 12, 11), 31.0), 60, -1000).astype(np.int32) + noise.astype(np.int32)
    known = real_anatomy.ANATOMIES["abdomen"]
    return {
        known.image: nifti(image),
        known.labels: nifti(labels),
        known.licence: b"Apache License, as it stands there\n",
        f"{known.version}/setup.py": b"raise SystemExit('this was run')\n",
    }


@pytest.fixture
def abdomen(real, monkeypatch, tmp_path):
    """The path of the made-up archive, which is what 'abdomen' means while a test runs."""
    content = archive_of(real)
    known = real_anatomy.ANATOMIES["abdomen"]
    wanted = Wanted("totalsegmentator", known.archive.filename, hashlib.sha256(content).hexdigest(), len(content))
    monkeypatch.setitem(real_anatomy.ANATOMIES, "abdomen", replace(known, archive=wanted))
    path = tmp_path / "index" / "totalsegmentator" / known.archive.filename
    path.parent.mkdir(parents=True)
    path.write_bytes(content)
    return path


def without_network(monkeypatch, *indexes):
    monkeypatch.setattr(real_anatomy, "pip_settings", lambda: PipSettings(indexes, None))


def test_what_is_written_says_where_it_is_from_and_that_the_lesion_is_synthetic(abdomen, tmp_path):
    said = oxablate("fetch-anatomy", "abdomen", "--out", tmp_path / "out", "--archive", abdomen, "--lesion", "20 mm")
    assert said.status == 0 and "the lesion is synthetic" in said.out and not said.err
    out = tmp_path / "out"
    assert {path.name for path in out.iterdir()} == {
        *("ct.nii.gz", "labels.nii.gz", "labels_with_synthetic_lesion.nii.gz"),
        *("case.yaml", "SOURCE.txt", "LICENSE.txt"),
    }
    assert not [name for name in files_under(tmp_path) if name.endswith(".partial")]
    source = (out / "SOURCE.txt").read_text()
    known = real_anatomy.ANATOMIES["abdomen"]
    for words in (known.version, known.archive.sha256, "Apache-2.0", "SYNTHETIC", "not by a person", "Research only."):
        assert words in source, words
    for name, digest in re.findall(r"^  (\S+): .*\n    ([0-9a-f]{64})$", source, re.M):
        assert hashlib.sha256((out / name).read_bytes()).hexdigest() == digest
    assert (out / "LICENSE.txt").read_bytes().startswith(b"Apache License")
    looked = oxablate("inspect", out / "case.yaml")
    assert looked.status == 0 and "SYNTHETIC LESION" in looked.out and "synthetic" in looked.out.splitlines()[0].lower()


def test_the_lesion_and_nothing_else_is_new(abdomen, real, tmp_path):
    known = real_anatomy.ANATOMIES["abdomen"]
    case = real_anatomy.fetch_anatomy("abdomen", tmp_path / "out", "20 mm", abdomen)
    before, after = (read_labels(case.parent / f"labels{end}.nii.gz") for end in ("", "_with_synthetic_lesion"))
    (tmp_path / "there.nii.gz").write_bytes(real[known.image])
    there, here = read_image(tmp_path / "there.nii.gz"), read_image(case.parent / "ct.nii.gz")
    assert np.array_equal(there.data, here.data) and not here.geometry.differences(there.geometry)
    assert set(np.unique(before.data)) == {0, 1, 2, 3} and set(np.unique(after.data)) == {0, 1, 2, 3, 4}
    new = after.data == 4
    assert np.all(before.data[new] == 1) and np.array_equal(before.data[~new], after.data[~new])
    smaller, larger = (4 / 3 * np.pi * (10.0 + sign * 1.5 * 3**0.5) ** 3 for sign in (-1, 1))  # half a voxel's diagonal
    assert smaller < new.sum() * 27.0 < larger


def test_a_lesion_lies_where_the_organ_is_deepest():
    """A ball has its deepest point at its centre; at the image's edge the edge is its surface."""
    lesion = put_lesion(ball((12, 11, 10), 25.0), GEOMETRY, 18.0)
    assert lesion.centre_mm == tuple(GEOMETRY.index_to_world_mm((12.0, 11.0, 10.0)))
    assert lesion.depth_mm == pytest.approx(25.0, abs=3.0)
    cut = np.zeros(GEOMETRY.shape, bool)
    cut[:, :, :9] = True
    assert put_lesion(cut, GEOMETRY, 12.0).centre_mm[2] == 200.0 + 4 * 3.0
    for diameter in (5.9, 60.0):
        with pytest.raises(BadInput, match="mm are allowed here"):
            put_lesion(ball((12, 11, 10), 25.0), GEOMETRY, diameter)


def test_a_wrong_wish_is_one_sentence_and_writes_nothing(abdomen, tmp_path):
    (tmp_path / "there").mkdir()
    (tmp_path / "file").write_text("mine")
    (tmp_path / "other.tar.gz").write_bytes(abdomen.read_bytes()[:-1] + b"x")
    before = files_under(tmp_path)
    for arguments, status, fragments in [
        (["abdomem", "--out", tmp_path / "a", "--archive", abdomen], 2, ["'abdomem'", "'abdomen'"]),
        (["abdomen", "--out", tmp_path / "there", "--archive", abdomen], 2, ["there exists", "new folder"]),
        (["abdomen", "--out", tmp_path / "file" / "a", "--archive", abdomen], 2, ["cannot be written"]),
        (["abdomen", "--out", tmp_path / "a", "--archive", tmp_path / "no"], 2, ["--archive", "check the path"]),
        (["abdomen", "--out", tmp_path / "a", "--archive", abdomen, "--lesion", "9"], 2, ["--lesion", "no unit"]),
        (["abdomen", "--out", tmp_path / "a", "--archive", abdomen, "--lesion", "9 cm"], 2, ["lesion of 90 mm"]),
        (["abdomen", "--out", tmp_path / "a", "--archive", tmp_path / "other.tar.gz"], 2, ["--archive", "sha256"]),
    ]:
        assert_refused(oxablate("fetch-anatomy", *arguments), *fragments, status=status)
    assert files_under(tmp_path) == before


@pytest.mark.parametrize(
    "odd",
    [
        dict(name="/etc/oxablate-was-here"),
        dict(name="../outside"),
        dict(name="link", type=tarfile.SYMTYPE, linkname="/etc/passwd"),
        dict(name="device", type=tarfile.CHRTYPE),
    ],
)
def test_only_plain_files_of_known_names_are_read(odd):
    about = tarfile.TarInfo(odd.pop("name"))
    for key, value in odd.items():
        setattr(about, key, value)
    content = archive_of({"a": b"data", "setup.py": b"code"}, [about])
    assert data_members(content, {"a": 10}) == {"a": b"data"}
    with pytest.raises(RunFailed, match=r"plain file|holds no"):
        data_members(archive_of({}, [about]), {about.name: 10} if about.type != tarfile.REGTYPE else {"a": 10})


def test_an_archive_that_is_too_large_or_damaged_is_refused(monkeypatch):
    whole = archive_of({"a": b"x" * 100_000})
    for content, words in [(whole, "plain file"), (whole[:60], "damaged"), (b"no archive", "damaged")]:
        with pytest.raises(RunFailed, match=words):
            data_members(content, {"a": 99_999})
    with pytest.raises(RunFailed, match="not the plain file"):
        data_members(_twice(), {"a": 10})
    monkeypatch.setattr("oxablate.anatomy.archive._BYTES", 99_999)
    with pytest.raises(RunFailed, match="more than it may"):
        data_members(whole, {"a": 200_000})


def _twice() -> bytes:
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w:gz") as tar:
        for content in (b"1", b"2"):
            about = tarfile.TarInfo("a")
            about.size = 1
            tar.addfile(about, io.BytesIO(content))
    return out.getvalue()


@pytest.fixture
def server(abdomen):
    """An index on the loopback address of this machine: pages as HTML and as JSON, and the file."""
    seen: list[tuple[str, str | None]] = []
    pages: dict[str, tuple[str, bytes]] = {}

    class Handler(http.server.SimpleHTTPRequestHandler):
        def do_GET(self):
            seen.append((self.path, self.headers.get("Authorization")))
            if self.path in pages:
                kind, content = pages[self.path]
                self.send_response(200)
                self.send_header("Content-Type", kind)
                self.end_headers()
                self.wfile.write(content)
            else:
                super().do_GET()

        def log_message(self, *_):
            pass

    folder = abdomen.parent.parent
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(Handler, directory=folder)) as running:
        thread = threading.Thread(target=running.serve_forever, daemon=True)
        thread.start()
        yield f"127.0.0.1:{running.server_port}", pages, seen
        running.shutdown()
        thread.join()


def pages_of(name: str) -> dict[str, tuple[str, bytes]]:
    listing = {"files": [{"filename": "other.whl", "url": "other.whl"}, {"filename": name, "url": name}]}
    html = f'<a href="other.whl">other</a><a href="{name}#sha256=0">{name}</a>'
    return {
        "json": ("application/vnd.pypi.simple.v1+json", json.dumps(listing).encode()),
        "html": ("text/html", html.encode()),
    }


@pytest.mark.parametrize("kind", ["json", "html"])
def test_the_file_comes_from_the_index_of_a_persons_own_pip(server, abdomen, tmp_path, monkeypatch, kind):
    host, pages, seen = server
    pages["/totalsegmentator/"] = pages_of(abdomen.name)[kind]
    without_network(monkeypatch, f"http://anna:secret@{host}")
    said = oxablate("fetch-anatomy", "abdomen", "--out", tmp_path / "out", "--lesion", "20 mm")
    assert said.status == 0 and "from your package index" in said.err and "secret" not in said.out + said.err
    assert {path for path, _ in seen} == {"/totalsegmentator/", f"/totalsegmentator/{abdomen.name}"}
    assert all(header == "Basic YW5uYTpzZWNyZXQ=" for _, header in seen)
    assert not any(b"secret" in (content or b"") for content in files_under(tmp_path / "out").values())


def test_an_index_in_a_folder_and_a_second_index_are_asked_too(abdomen, tmp_path, monkeypatch):
    folder = abdomen.parent.parent.as_uri()
    (abdomen.parent / "index.html").write_text(f'<a href="{abdomen.name}">it</a>')
    without_network(monkeypatch, (tmp_path / "empty").as_uri(), folder)
    assert real_anatomy.fetch_anatomy("abdomen", tmp_path / "out", "20 mm").is_file()


def test_what_the_index_does_not_give_is_one_sentence(server, abdomen, tmp_path, monkeypatch):
    host, pages, _ = server
    base, before = f"http://anna:secret@{host}", files_under(tmp_path)
    wrong = archive_of({"a": b"1"})
    for page, index, words in [
        (None, "http://anna:secret@127.0.0.1:9", "cannot be read"),
        (None, f"{base}/nothing/here", "status 404"),
        (pages_of("totalsegmentator-9.tar.gz")["json"], base, "has no"),
        (("application/json", b"{"), base, "cannot be read"),
        (("text/html", f'<a href="file://{abdomen}">x</a>'.encode()), base, "a link to file"),
        (pages_of(abdomen.name)["json"], base, "not opened"),
        (None, "", "no package index"),
    ]:
        if page:
            pages["/totalsegmentator/"] = page
        pages[f"/totalsegmentator/{abdomen.name}"] = ("application/gzip", wrong)
        without_network(monkeypatch, *[index] * bool(index))
        said = oxablate("fetch-anatomy", "abdomen", "--out", tmp_path / "out")
        line = said.err.splitlines()[-1]
        assert said.status == 3 and line.startswith("oxablate: ") and words in line, said
        assert "secret" not in said.err and "Traceback" not in said.err
    assert files_under(tmp_path) == before


def test_the_index_is_what_pip_says(monkeypatch):
    key = "index-" + "url"  # no file of this repository holds an option with an address
    listed = {
        "plain": ("global.{key}='http://one/index'\n", ("http://one/index",)),
        "more": ("global.extra-{key}='http://two http://three'\n", ("http://usual", "http://two", "http://three")),
        "environment": (":env:.{key}='http://env'\nglobal.{key}='http://one'\n", ("http://env",)),
        "none": ("global.no-index='true'\n", ()),
        "other": ("install.{key}='http://two'\nglobal.timeout='3'\n", ("http://usual",)),
    }
    for text, expected in listed.values():
        text = text.replace("{key}", key)
        said = {"config": text, "download": f"--{key} <url>  Base URL (default\n   http://usual). This"}
        monkeypatch.setattr(package_index, "_pip", lambda word, *_, said=said: said[word])
        assert pip_settings().indexes == expected


def test_pip_is_asked_for_real():
    """Nothing is fetched: pip only says where it would look."""
    assert all(re.match(r"(https?|file)://", index) for index in pip_settings().indexes)


@pytest.mark.slow
def test_the_real_abdomen(tmp_path):
    """Uses the network where there is one: the only test that does."""
    settings = pip_settings()
    try:
        fetch(replace(real_anatomy.ANATOMIES["abdomen"].archive, filename="no-such-file"), settings)
    except RunFailed as failed:
        if "has no no-such-file" not in str(failed):
            pytest.skip(f"no package index here: {failed}")
    said = oxablate("fetch-anatomy", "abdomen", "--out", tmp_path / "out")
    assert said.status == 0, said
    looked = oxablate("inspect", tmp_path / "out" / "case.yaml")
    assert looked.status == 0 and "SYNTHETIC LESION" in looked.out and "39 x 39 x 39 voxels" in looked.out
