"""How bytes reach the disk and leave it: whole files or none, verified, and nothing from outside the folder named."""
