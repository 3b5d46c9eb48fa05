"""Running the pipeline over many items."""
