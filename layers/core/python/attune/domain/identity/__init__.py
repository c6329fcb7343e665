"""Who an event is about, who is one with whom, who is not, and who was forgotten."""
