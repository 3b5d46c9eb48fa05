"""What a file says of its own origin."""
