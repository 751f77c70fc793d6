"""Devices come and go: credentials, access lists, unknown senders, bindings."""
