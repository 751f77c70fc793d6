"""Drills: a made-up incident through the whole chain, marked 演练 everywhere."""
