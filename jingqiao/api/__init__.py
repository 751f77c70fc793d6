"""HTTP of the service: health, metrics, and what other commands ask the running service for."""
