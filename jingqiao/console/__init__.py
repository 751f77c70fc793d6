"""The console: pages for the duty room, drawn on the server, one router a page in `pages/`."""
