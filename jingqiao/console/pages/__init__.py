"""The console's pages: each a router, and a view model that tests can read without a browser."""
