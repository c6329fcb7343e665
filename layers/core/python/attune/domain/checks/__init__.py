"""What types cannot say of definitions: that what they refer to exists and can come true."""
