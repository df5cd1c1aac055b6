"""Files that runs, searches, exports and reports leave: written atomically, locked, described."""
