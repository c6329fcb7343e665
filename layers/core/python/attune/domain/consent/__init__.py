"""What may be done with what is known of somebody: one gate, and what it rests on."""
