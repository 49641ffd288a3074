"""Exchange of fluid and solute with the vessel bed, and its collapse."""
