"""A physical fleet with ground truth: lids, traffic, weather, a bridge, faults; it publishes over MQTT."""
