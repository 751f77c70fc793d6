"""Incidents: what people work on, from a firing alarm to its closing."""
