"""Speed and memory of triage beside its peers; prints tables. Not run by the tests but for a handful of files."""
