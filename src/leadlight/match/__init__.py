"""Finding contents on lists."""
