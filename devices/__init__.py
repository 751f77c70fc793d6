"""What is out there: assets, sensors, quantities, frames of readings, and what devices' bytes mean."""
