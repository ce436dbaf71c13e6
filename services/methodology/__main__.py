"""`python -m services.methodology`."""

from services.methodology.pages import main

main()
