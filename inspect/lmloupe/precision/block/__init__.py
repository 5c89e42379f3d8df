"""One block of a matrix quantized by hand: every number between the weight and what comes back of it."""
