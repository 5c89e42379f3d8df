"""Read lessons and compute every answer and every value in them; write the list of facts into docs/lessons.md.

- ``python scripts/check_lessons.py`` checks the lessons of this repository, and those that LMLOUPE_LESSONS names;
- ``python scripts/check_lessons.py FOLDER`` those of this repository and of a folder;
- ``python scripts/check_lessons.py --write-facts`` writes the list of facts into docs/lessons.md anew.
"""

from __future__ import annotations

import logging
import os
import sys
from pathlib import Path

ROOT = Path(__file__).parents[1]
sys.path[:0] = [str(ROOT), str(ROOT / "inspect")]

from ui.learn.facts.listing import with_list  # noqa: E402
from ui.learn.lessons.answers import uncomputed  # noqa: E402
from ui.learn.lessons.shelf import VARIABLE, shelf  # noqa: E402

DOCS = ROOT / "docs" / "lessons.md"


def main(arguments: list[str]) -> int:
    """Do what the arguments say; 1 where a lesson has a mistake."""
    logging.disable(logging.WARNING)  # Streamlit says that nobody has opened a page
    if arguments == ["--write-facts"]:
        DOCS.write_text(with_list(DOCS.read_text("utf-8")), "utf-8")
        return 0
    if arguments:
        os.environ[VARIABLE] = arguments[0]
    found = shelf()
    mistakes = [*found.mistakes, *(sentence for one in found.lessons for sentence in uncomputed(one))]
    for sentence in mistakes:
        print(sentence)
    print(f"{len(found.lessons)} lessons read, {len(mistakes)} mistakes")
    return 1 if mistakes else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
