"""Local features of pictures: how they are kept, found among many, and compared by position.

They find what a hash of the whole picture can't: parts and turned copies. `record` keeps them, `search`
finds candidates by exact radius search over their bits, `geometry` says how many agree in position, `judge`
whether that is enough, `listing` is the file of features that a unit learns from what it may keep.
"""
