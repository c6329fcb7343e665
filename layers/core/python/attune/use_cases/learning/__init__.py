"""The lake's tables, models trained on them, scores."""
