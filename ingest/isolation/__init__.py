"""Files are parsed in child processes with limits: what a file does to its parser costs that file, and nothing else.

`pool` runs the children, `child` is what runs in them, `cage` what they may not do, `wire` what is said between the two.
"""
