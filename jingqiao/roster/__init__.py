"""Roster: who is on duty at a moment, and who is next when nobody answers."""
