"""History of every reading, fed from the durable log with its own offset."""
