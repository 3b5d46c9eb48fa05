"""Formats of hash lists."""
