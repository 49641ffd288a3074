"""A picture of an exported .vti file in ParaView: tumour, killed part, and pressure on a cut through the needle's tip.

    xvfb-run -a pvpython docs/screenshots/view_vti.py FOLDER PICTURE

FOLDER: what `scan.py` wrote. Made with ParaView 5.11 (Debian: paraview, python3-paraview, xvfb).
"""

import sys
from pathlib import Path

from paraview import simple


def main(folder: Path, picture: Path) -> None:
    """Open the file as a person would, and show three things of it."""
    path = folder / "out" / "arms" / "chlorine_dioxide" / "vtk" / "fields.vti"
    fields = simple.XMLImageDataReader(FileName=[str(path)])
    view = simple.CreateRenderView(ViewSize=[900, 640])
    view.Background, view.UseColorPaletteForBackground = [1.0, 1.0, 1.0], 0
    points = simple.CellDatatoPointData(Input=fields)
    low, high = fields.GetDataInformation().GetBounds()[::2], fields.GetDataInformation().GetBounds()[1::2]
    surface(view, points, "killed [1]", 0.5, [0.84, 0.27, 0.25], 1.0)
    surface(view, points, "tissue [1]", 1.5, [0.45, 0.6, 0.75], 0.3)
    cut = simple.Slice(Input=fields)
    cut.SliceType.Origin = [(a + b) / 2 for a, b in zip(low, high, strict=True)]
    cut.SliceType.Normal = [0.0, 0.0, 1.0]
    shown = simple.Show(cut, view)
    simple.ColorBy(shown, ("CELLS", "pressure [Pa]"))
    shown.RescaleTransferFunctionToDataRange(True)
    shown.SetScalarBarVisibility(view, True)
    colours = simple.GetColorTransferFunction("pressure [Pa]")
    colours.ApplyPreset("Viridis (matplotlib)", True)
    bar = simple.GetScalarBar(colours, view)
    bar.TitleColor = bar.LabelColor = [0.0, 0.0, 0.0]
    words = simple.Text(
        Text="oxablate, research only. LPS millimetres. Blue: tumour. Red: half of the cells dead or more."
    )
    label = simple.Show(words, view)
    label.Color, label.FontSize, label.WindowLocation = [0.0, 0.0, 0.0], 16, "Upper Center"
    outline = simple.Show(simple.Outline(Input=fields), view)
    outline.DiffuseColor = outline.AmbientColor = [0.3, 0.3, 0.3]
    camera = view.GetActiveCamera()
    simple.ResetCamera(view)
    camera.SetViewUp(0, 0, 1)
    camera.SetFocalPoint(*cut.SliceType.Origin)
    camera.SetPosition(*[c + d for c, d in zip(cut.SliceType.Origin, (-90.0, -130.0, 100.0), strict=True)])
    simple.ResetCamera(view)
    camera.Zoom(0.9)
    simple.Render(view)
    simple.SaveScreenshot(str(picture), view)


def surface(view, points, name: str, level: float, colour: list[float], opacity: float) -> None:
    """An isosurface of a field."""
    contour = simple.Contour(Input=points, ContourBy=["POINTS", name], Isosurfaces=[level])
    shown = simple.Show(contour, view)
    shown.ColorArrayName = [None, ""]
    shown.DiffuseColor, shown.Opacity = colour, opacity


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
