"""The profile and its parts: all that is kept of one customer, bounded, equal under any order of arrival."""
