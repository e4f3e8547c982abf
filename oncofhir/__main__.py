"""`python -m oncofhir` is the command `oncofhir`."""

from oncofhir.cli.entry import main

main()
