"""One HTML file with everything an evaluation found, and its plots."""
