"""How many people the planned model serves: its speed, the class that waits for it, and how the page says it."""
