"""A person who types on a page, without a browser: each keystroke sends the whole text as the page's own box does."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from dataclasses import dataclass, field

from streamlit.proto.BackMsg_pb2 import BackMsg
from streamlit.proto.Element_pb2 import Element
from streamlit.proto.ForwardMsg_pb2 import ForwardMsg
from websockets.asyncio.client import ClientConnection

from benchmarks.server import Server, open_session, rerun, run_script

__all__ = ["Answer", "Typist", "view_text"]


@dataclass(frozen=True, slots=True)
class Answer:
    """What one keystroke took, in seconds: until the awaited element arrived, and until the script was done."""

    shown_s: float
    done_s: float


@dataclass(slots=True)
class Typist:
    """One session on one page. `open` first, `close` at the end.

    Attributes:
        server: that has the page.
        awaited: picks out the element that answers a keystroke.
        page: as in its address.
    """

    server: Server
    awaited: Callable[[Element], bool]
    page: str = ""
    query: str = ""
    answer: Element | None = None
    _connection: ClientConnection | None = None
    _box: Element | None = None
    _edits: int = 0
    _arrived: list[float] = field(default_factory=list)

    async def open(self) -> None:
        """Join as a new session and find the page's text box."""
        self._connection = await open_session(self.server)
        await self._run(rerun(self.server, self.page, self.query))

    async def close(self) -> None:
        """Leave."""
        if self._connection is not None:
            await self._connection.close()

    async def type(self, text: str) -> Answer:
        """Have ``text`` in the box; what the page then answers is in ``answer``.

        Raises:
            RuntimeError: the page has no text box, its script failed, or it never drew what is awaited.
        """
        if self._box is None:
            raise RuntimeError(f"Page {self.page!r} has no text box to type into.")
        ask = rerun(self.server, self.page, self.query)
        self._fill(ask, text)
        self._arrived.clear()
        began = time.perf_counter()
        await self._run(ask)
        if not self._arrived:
            raise RuntimeError(f"Page {self.page!r} did not answer a keystroke.")
        return Answer(self._arrived[0] - began, time.perf_counter() - began)

    def _fill(self, ask: BackMsg, text: str) -> None:
        assert self._box is not None
        state = ask.rerun_script.widget_states.widgets.add()
        if self._box.HasField("text_area"):
            state.id = self._box.text_area.id
            state.string_value = text
            return
        # The live box numbers its edits and says which of the server's texts they stand on: ui/live_text/box.py.
        self._edits += 1
        component = self._box.bidi_component
        edit = {"push": json.loads(component.json)["push"], "edit": self._edits, "text": text}
        state.id = component.id
        state.json_value = json.dumps({"edit": edit})

    async def _run(self, ask: BackMsg) -> None:
        assert self._connection is not None
        async for message in run_script(self._connection, ask):
            self._note(message)

    def _note(self, message: ForwardMsg) -> None:
        kind = message.WhichOneof("type")
        if kind == "page_info_changed":  # the link in the address bar, which goes along with the next run
            self.query = message.page_info_changed.query_string
        if kind != "delta" or not message.delta.HasField("new_element"):
            return
        element = message.delta.new_element
        if _is_box(element):
            self._box = element
        if self.awaited(element):
            self._arrived.append(time.perf_counter())
            self.answer = element


def view_text(element: Element | None) -> str:
    """The text that a token view's message shows: ui/token_view/payload.py."""
    assert element is not None
    payload = element.bidi_component.bytes
    length = int.from_bytes(payload[16:20], "little")
    return str(json.loads(payload[20 : 20 + length])["text"])


def _is_box(element: Element) -> bool:
    if element.HasField("bidi_component"):
        return element.bidi_component.component_name == "lmloupe_live_text"
    return element.HasField("text_area") and element.text_area.id.endswith("-text")
