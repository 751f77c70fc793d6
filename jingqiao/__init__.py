"""The product around the stages: incidents, roster, notifications, archive, command line, wiring."""

__version__ = "0.1.0"
