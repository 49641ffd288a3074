"""How bytes reach the disk and leave it: whole files or none, and nothing from outside the folder that was named."""
