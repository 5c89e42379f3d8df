"""The names of precisions, which live with the model that is stored in them."""

from lmloupe.model.precision import BITSANDBYTES, DTYPES, SIMULATED, Precision, Weights

__all__ = ["BITSANDBYTES", "DTYPES", "SIMULATED", "Precision", "Weights"]
