"""Files that hold files, and the names that these may have."""
