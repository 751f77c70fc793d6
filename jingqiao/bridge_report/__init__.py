"""A bridge's monthly report, as an inspector would sign it: one HTML file, and PDF by a browser."""
