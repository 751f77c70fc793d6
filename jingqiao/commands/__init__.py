"""Commands down to devices: queued, sent, acknowledged or timed out."""
