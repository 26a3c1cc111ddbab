"""Topics, runs and qrels to tables: offline measures of the very functions that answer."""
