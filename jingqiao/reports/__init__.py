"""Daily and weekly reports: what rang, how fast it was seen to, what rings again, what lies hidden."""
