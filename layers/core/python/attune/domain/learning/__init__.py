"""What models see, say and are made of."""
