"""Leadlight: open forensic triage for media in the age of generated images."""

__version__ = "0.1.0"
