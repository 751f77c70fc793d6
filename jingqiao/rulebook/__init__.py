"""The rules' file as people change it on the console: drafts, previews by backtest, versions."""
