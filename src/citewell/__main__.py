"""`python -m citewell` is the command `citewell`."""

from citewell.cli.main import main

main()
