"""Files that runs, searches, exports and reports write: atomic, locked, with their environment."""
