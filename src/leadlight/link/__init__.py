"""What belongs together, across contents."""
