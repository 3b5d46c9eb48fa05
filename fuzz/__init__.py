"""Fuzzing: every parser of the project on bytes that nobody meant well. Not shipped; `make fuzz` runs it."""
