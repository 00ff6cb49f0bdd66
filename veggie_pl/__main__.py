"""``python -m veggie_pl``."""

from veggie_pl.cli import main

main()
