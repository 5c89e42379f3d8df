"""The key-value cache of a loaded model: its bytes, its numbers, what it saves, and what of it can be used again."""
