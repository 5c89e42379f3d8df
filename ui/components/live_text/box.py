"""Who has the newest text: the rules by which the server and a text box in the browser agree.

- Each text that the server shows is a *push* with a name of its own. The browser numbers its *edits*, one count for as
  long as the browser's page lives. What it sends says which push it stands on.
- The server takes an edit that stands on its newest push and is newer than the last one. It never sends an edit back.
- A push tells the last edit that the server knew. The browser shows the push unless it has newer edits: then the box
  stays as it is, and the browser sends its text once more, standing on the new push.

So an answer that comes late never touches what was typed meanwhile, and nothing typed is ever dropped on the way.
Nothing in this module knows Streamlit.
"""

from __future__ import annotations

import secrets
from dataclasses import dataclass, field

__all__ = ["Box"]


@dataclass(slots=True)
class Box:
    """What the server knows about one text box of one session."""

    text: str | None = None
    """What the box holds, as far as the server knows; None before the first push."""
    edit: int = 0
    """Number of the last edit taken."""
    pushed: str = ""
    """The text of the newest push."""
    seen: int = 0
    """The last edit that the server knew when it pushed."""
    push: str = ""
    """Name of the newest push."""
    _session: str = field(default_factory=lambda: secrets.token_hex(4))
    _pushes: int = 0

    def show(self, text: str) -> None:
        """Put ``text`` into the box.

        >>> box = Box()
        >>> box.show("from the link")
        >>> box.receive({"push": box.push, "edit": 1, "text": "typed"})
        'typed'
        >>> box.receive({"push": box.push, "edit": 1, "text": "typed"})  # the same edit, sent with the next run
        """
        self._pushes += 1
        self.push = f"{self._session}-{self._pushes}"
        self.text = self.pushed = text
        self.seen = self.edit

    def receive(self, sent: object) -> str | None:
        """The text of an edit that counts, else None. What is sent comes from a browser: its form is checked."""
        if not isinstance(sent, dict) or sent.get("push") != self.push:
            return None
        edit, text = sent.get("edit"), sent.get("text")
        if isinstance(edit, bool) or not isinstance(edit, int) or not isinstance(text, str) or edit <= self.edit:
            return None
        self.edit, self.text = edit, text
        return text
