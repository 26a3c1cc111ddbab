"""Records: JSON, CSV, notebooks."""
