"""How an equation is solved. No word of physics."""
