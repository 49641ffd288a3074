"""A deformable porous body filled with fluid: equilibrium of forces and conservation of fluid, solved together."""
