"""Installed models: added with a card, tested, listed, removed."""
