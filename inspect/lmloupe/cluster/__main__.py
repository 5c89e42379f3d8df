"""The cluster's side as a command: ``python -m lmloupe.cluster serve``, and ``join HOST:PORT`` for a machine more."""

from __future__ import annotations

import logging
import sys

from lmloupe.cluster.command.arguments import Join, read
from lmloupe.errors import LoupeError


def main() -> None:
    """Do what the command line says; a reason why it cannot be is one sentence."""
    asked = read()
    logging.basicConfig(level=logging.WARNING, format="%(asctime)s cluster: %(message)s")
    logging.getLogger("lmloupe.cluster").setLevel(logging.INFO)
    from lmloupe.cluster.command.serve import give, serve

    try:
        if isinstance(asked, Join):
            give(asked)
        else:
            serve(asked)
    except LoupeError as error:
        sys.exit(f"lmloupe.cluster: {error}")


if __name__ == "__main__":
    main()
