"""The front door: figures that lead from a word to an answer, each with a guess before it shows what happens."""
