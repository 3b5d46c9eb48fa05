"""Calibrating a model: its scores on known pictures become likelihood ratios with bounds."""
