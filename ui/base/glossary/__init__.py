"""The words of the field as this program uses them: what they mean, where to see it, and what others call them."""
