"""Requests about people's data, from the call to its end; the ledger."""
