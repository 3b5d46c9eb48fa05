"""Detectors: scores of a picture for camera or generator, calibrated, that may abstain."""
