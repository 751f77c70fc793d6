"""The vectorized rule engine: records in, alarm changes out. Pure: no clock, no I/O, no asyncio."""
