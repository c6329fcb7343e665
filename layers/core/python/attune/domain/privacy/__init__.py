"""What is held of people, for how long, who looked at it, and what they asked for."""
