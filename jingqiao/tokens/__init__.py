"""Tokens that let other systems use the API: hashed, scoped, ending, revocable."""
