"""The devices themselves: who is silent, whose battery ends when, and what is lost on the way."""
