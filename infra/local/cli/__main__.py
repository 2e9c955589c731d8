"""`python -m infra.local.cli`: the command line where no entry point is installed."""

from infra.local.cli import main

main()
