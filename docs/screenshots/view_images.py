"""Pictures of exported NIfTI and DICOM-SEG files in NiiVue, in a headless Chromium without network.

    python docs/screenshots/view_images.py FOLDER NIIVUE PICTURES

FOLDER: what `scan.py` wrote. NIIVUE: the unpacked package @niivue/niivue (made with 0.69.0). PICTURES: the folder for
outputs-nifti.png and outputs-segmentation.png. NiiVue reads no DICOM segmentation: dcmqi turns it into one NIfTI file
for each segment. Needs the extras `test` and `peers`, and a Chromium on the path.
"""

import json
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
from playwright.sync_api import Route, sync_playwright

from oxablate.quantities.research_only import RESEARCH_ONLY_SHORT
from oxablate.space.files import read_image, write_image
from oxablate.space.image import Image, ImageGeometry

HOST = "http://viewer.invalid/"
CLOSE = 42.0  # mm round the killed part that the close-up shows
SIZE = {"width": 1000, "height": 400}
PAGE = """<!doctype html><body style="margin:0;background:#000;color:#ccc;font:13px sans-serif">
<canvas id="view" width="1000" height="360"></canvas><div style="padding:6px 10px">WORDS</div>
<script type="module">
import { Niivue, SLICE_TYPE } from "./niivue/dist/index.js"
const view = new Niivue({ isColorbar: BAR, isRadiologicalConvention: true, backColor: [0, 0, 0, 1],
  multiplanarShowRender: 0, isOrientCube: false, crosshairWidth: 0, isResizeCanvas: false })
await view.attachTo("view")
await view.loadVolumes(VOLUMES)
view.volumes[0].colorbarVisible = false
view.volumes[0].cal_max = BRIGHTEST
view.setSliceType(SLICE_TYPE.MULTIPLANAR)
view.setMultiplanarLayout(3)
view.setInterpolation(NEAREST)
view.scene.crosshairPos = view.mm2frac(CENTRE)
view.updateGLVolume()
setTimeout(() => { document.title = "ready" }, 3000)
</script>"""


def main(folder: Path, niivue: Path, pictures: Path) -> None:
    """Both pictures."""
    scan = read_image(folder / "series")
    arm = folder / "out" / "arms" / "chlorine_dioxide"
    write_image(folder / "scan.nii.gz", scan)
    grey = {"url": "scan.nii.gz", "colormap": "gray"}
    bright = float(np.percentile(scan.data, 98.5))
    centre = centre_of(arm / "nifti" / "killed.nii.gz")
    shared = {"BRIGHTEST": bright, "CENTRE": centre}
    share = {"url": "killed.nii.gz", "colormap": "plasma", "opacity": 0.8, "cal_min": 0.05, "cal_max": 1}
    files = {"scan.nii.gz": folder / "scan.nii.gz", "killed.nii.gz": arm / "nifti" / "killed.nii.gz"}
    said = shared | {"VOLUMES": [grey, share], "BAR": True, "NEAREST": False}
    words = f"killed.nii.gz on the scan: share of the cells that are dead. {RESEARCH_ONLY_SHORT}"
    take(files, said, words, niivue, pictures / "outputs-nifti.png")
    segments = by_dcmqi(arm / "dicom-seg" / "segments.dcm", folder / "dcmqi")
    colours = {
        "Killed tumour": "red",
        "Viable tumour": "green",
        "Killed outside tumour": "warm",
        "Necrotic core": "cool",
    }
    over = [
        {"url": path.name, "colormap": colours[label], "opacity": 0.5, "cal_min": 0, "cal_max": 1}
        for label, path in segments.items()
    ]
    files |= {path.name: path for path in segments.values()}
    write_image(folder / "close.nii.gz", close_up(scan, centre))
    files["close.nii.gz"] = folder / "close.nii.gz"
    grey = {"url": "close.nii.gz", "colormap": "gray"}
    said = shared | {"VOLUMES": [grey, *over], "BAR": False, "NEAREST": True}
    named = ", ".join(f"{label.lower()} {colours[label].replace('warm', 'yellow')}" for label in segments)
    take(files, said, f"segments.dcm: {named}. {RESEARCH_ONLY_SHORT}", niivue, pictures / "outputs-segmentation.png")


def take(files: dict[str, Path], said: dict, words: str, niivue: Path, picture: Path) -> None:
    """Serve a page and its files from disk, and take its picture."""
    text = PAGE.replace("WORDS", words)
    for name, value in said.items():
        text = text.replace(name, json.dumps(value))

    def serve(route: Route) -> None:
        name = route.request.url.removeprefix(HOST)
        if not name:
            route.fulfill(body=text, content_type="text/html")
        elif name.startswith("niivue/"):
            route.fulfill(body=(niivue / name.removeprefix("niivue/")).read_bytes(), content_type="text/javascript")
        elif name in files:
            route.fulfill(body=files[name].read_bytes(), content_type="application/octet-stream")
        else:
            route.abort()

    with sync_playwright() as driver:
        arguments = ["--use-gl=angle", "--use-angle=swiftshader", "--enable-unsafe-swiftshader", "--no-sandbox"]
        browser = driver.chromium.launch(executable_path=shutil.which("chromium"), args=arguments)
        page = browser.new_page(viewport=SIZE)
        page.on("pageerror", lambda error: print(error, file=sys.stderr))
        page.route("**/*", serve)
        page.goto(HOST)
        page.wait_for_function("document.title === 'ready'", timeout=120_000)
        page.screenshot(path=str(picture))
        browser.close()


def by_dcmqi(path: Path, folder: Path) -> dict[str, Path]:
    """The segments of an object as NIfTI files, by label."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    program = Path(sys.executable).parent / "segimage2itkimage"
    command = [program, "--inputDICOM", path, "--outputDirectory", folder, "--outputType", "nifti"]
    subprocess.run(list(map(str, command)), check=True, capture_output=True)
    about = json.loads((folder / "meta.json").read_text())["segmentAttributes"]
    return {item[0]["SegmentLabel"]: folder / f"{n}.nii.gz" for n, item in enumerate(about, start=1)}


def close_up(scan, centre: list[float]) -> Image:
    """What of a scan lies within `CLOSE` of a point in RAS [mm]."""
    geometry = scan.geometry
    middle = geometry.world_mm_to_index(np.asarray(centre) * (-1, -1, 1))
    reach = CLOSE / np.asarray(geometry.spacing)
    low = np.maximum(np.floor(middle - reach), 0).astype(int)
    high = np.minimum(np.ceil(middle + reach) + 1, geometry.shape).astype(int)
    data = scan.data[tuple(slice(a, b) for a, b in zip(low, high, strict=True))]
    origin = tuple(map(float, geometry.index_to_world_mm(low)))
    return Image(data, ImageGeometry(data.shape, geometry.spacing, origin, geometry.direction))


def centre_of(path: Path) -> list[float]:
    """Centre of what is more than half dead, RAS [mm], as NiiVue wants it."""
    image = read_image(path)
    x, y, z = image.geometry.index_to_world_mm(np.argwhere(image.data >= 0.5).mean(axis=0))
    return [-float(x), -float(y), float(z)]


if __name__ == "__main__":
    main(*map(Path, sys.argv[1:]))
