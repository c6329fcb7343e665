"""Access requests: all that is held of somebody, gathered piece by piece."""
