"""What other systems get: warnings in CAP 1.2, events as signed CloudEvents, case records for the city."""
