"""Inputs onto the stream: clients' calls, webhooks, files."""
