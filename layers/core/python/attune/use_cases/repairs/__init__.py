"""What was put aside, given up or lost, made good; whether the books balance."""
