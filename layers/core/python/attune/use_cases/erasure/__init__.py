"""Erased people out of every store, the receipt, and the search for what is left."""
