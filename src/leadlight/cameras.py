"""Enrolling cameras by the noise of their sensors, and matching pictures to them."""
