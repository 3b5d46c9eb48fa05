"""Fingerprints: digests and perceptual hashes."""
