"""From MQTT to the durable log: sources, envelopes, decoding to columns, dead letters."""
