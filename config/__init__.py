"""Typed settings, faults with a remedy, and the message catalogue; imports nothing of the project."""
