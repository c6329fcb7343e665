"""Records into profiles: people found, events folded, profiles merged or forgotten, each with its row."""
