"""Output files of runs, searches, exports and reports: atomic writes, locks, environment
records."""
