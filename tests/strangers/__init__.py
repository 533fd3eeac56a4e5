"""Backward passes as strangers write them, in our own words; unused names and old habits are part of it."""
