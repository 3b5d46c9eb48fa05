"""Decoding less of a picture than all of it."""
