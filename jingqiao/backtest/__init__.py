"""Backtest: the same engine over a file or the archive, without a server."""
