"""The noise of a camera's sensor: taken from pictures, joined to a fingerprint, and compared."""
