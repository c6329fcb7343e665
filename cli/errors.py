"""What the command tells its user and then ends with."""

from __future__ import annotations


class CliError(Exception):
    """Something the user can understand and act upon; shown without a traceback, exit code 1."""
