"""Messages of platforms that stand between a device and us, and what they mean."""
