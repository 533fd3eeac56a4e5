"""The subcommands, one room each: what may be typed (`add_to`), and what is done then (`run`)."""
