"""From what a commit caused to signed webhooks."""
