"""The views of KV cache: bytes as a text grows, keys and values, the race, shared heads, prefixes used again."""
