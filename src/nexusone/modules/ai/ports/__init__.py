"""What ai needs from the world: models that write, draw, speak, film, judge and compare."""
