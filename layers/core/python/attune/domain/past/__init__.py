"""Profiles folded anew from what the lake holds of them; definitions that take over."""
