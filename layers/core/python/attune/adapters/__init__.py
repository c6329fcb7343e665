"""One module per technology and role, and `memory`, which passes the same contract suites."""
