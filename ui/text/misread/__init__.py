"""What is often misread about tokens, answered with the numbers of this very text."""
