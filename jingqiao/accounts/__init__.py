"""Accounts: who may see and do what in console and API, and what they did."""
