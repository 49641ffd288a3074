"""Voxels, fields, boundaries, and the images they come from."""
