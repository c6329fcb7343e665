"""What people define, as types: the JSON Schema is generated from them."""
