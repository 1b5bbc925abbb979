"""`python -m hokku.toolbelt`, where `hokku` is not on the PATH."""

from hokku.toolbelt.start import main

main()
