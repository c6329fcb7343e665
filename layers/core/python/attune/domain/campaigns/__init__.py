"""Messages: whether one may leave, what it says, and the states that it passes through."""
