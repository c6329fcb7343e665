"""The stream into profiles, and those whose time has come back onto it."""
