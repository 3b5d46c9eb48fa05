"""What bytes are, and how they look once decoded."""
