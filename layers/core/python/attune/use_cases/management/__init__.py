"""What the management APIs share: keys, bodies, times, runs, access records."""
