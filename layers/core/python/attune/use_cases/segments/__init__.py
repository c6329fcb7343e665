"""Segments counted, previewed, compared, explained."""
