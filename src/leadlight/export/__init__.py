"""Dossiers to formats."""
