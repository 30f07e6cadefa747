"""SQLAlchemy lives here and nowhere else: two databases and their units of work."""
