"""After a crash (`unfinished`), and after a restored backup (`replay`)."""
