"""Own strict senders, one folder each: a provider's no inside an HTTP 200 is a no."""
