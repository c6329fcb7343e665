"""Profiles lived again from the lake."""
