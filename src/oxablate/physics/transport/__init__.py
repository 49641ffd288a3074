"""What the moving fluid carries, and how it spreads."""
