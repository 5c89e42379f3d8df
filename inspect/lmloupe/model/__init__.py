"""Models in this process. Importing the package is light; the modules in it load torch where they run a model."""

import os

# Threads of a matrix product that wait for each other by spinning take the cores from whoever they wait for: with one
# other busy process on two cores a forward pass took up to 25 times as long. OpenMP reads this as torch is imported,
# and every module that imports torch is in this package.
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
