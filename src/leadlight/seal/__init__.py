"""Seals of the audit record: a signature over its head, and a timestamp over the signature.

A chain of digests shows what was changed within it. A seal, kept elsewhere, shows too what was cut off its end,
and a chain that was made anew as a whole.
"""
