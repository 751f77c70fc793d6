"""`jingqiao doctor`: what on this machine would stop a warning from getting through, and how to mend it."""
