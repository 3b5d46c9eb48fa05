"""Evaluating detectors and the policy on known pictures: tables by source, generator and laundering."""
