"""Customers over HTTP, and how a person is found."""
