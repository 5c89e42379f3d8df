"""What the Languages page shows."""
