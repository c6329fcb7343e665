"""Definitions edited, shown, compiled."""
