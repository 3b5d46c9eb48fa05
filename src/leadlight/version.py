"""The version of this Leadlight, in one place."""

__version__ = "0.1.0"
