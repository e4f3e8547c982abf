"""`python -m oncofhir` is the command `oncofhir`."""

from oncofhir.cli.main import main

main()
