"""Sessions of the app over websockets, as browsers have them: read a page, press buttons, ask as its fragments do."""

from __future__ import annotations

from dataclasses import dataclass, field

from streamlit.proto.BackMsg_pb2 import BackMsg
from streamlit.proto.ForwardMsg_pb2 import ForwardMsg
from websockets.asyncio.client import ClientConnection

from benchmarks.server import Server, open_session, rerun, run_script

__all__ = ["Tab", "open_tab"]


@dataclass
class Tab:
    """One session, and what its page says after the last run."""

    server: Server
    connection: ClientConnection
    page: str
    query: str
    texts: list[str] = field(default_factory=list)
    buttons: dict[str, str] = field(default_factory=dict)
    """Ids by what the buttons say."""
    page_hash: str = ""
    fragments: list[str] = field(default_factory=list)
    """Those that the page asks for again and again."""

    @property
    def said(self) -> str:
        """All headings, sentences and boxes, without Markdown's escapes."""
        return "\n".join(self.texts).replace("\\", "")

    async def run(self, ask: BackMsg | None = None) -> None:
        """Run the page; with a message, for what it says."""
        ask = rerun(self.server, self.page, self.query) if ask is None else ask
        async for answer in run_script(self.connection, ask):
            self._read(answer)

    async def press(self, label: str) -> None:
        """Press the button that says this."""
        ask = rerun(self.server, self.page, self.query)
        ask.rerun_script.widget_states.widgets.add(id=self.buttons[label], trigger_value=True)
        await self.run(ask)

    async def follow(self) -> None:
        """Ask for news as the page's first fragment does, and take in the run of the page that comes of it."""
        ask = rerun(self.server, self.page, self.query)
        ask.rerun_script.fragment_id = self.fragments[0]
        ask.rerun_script.page_script_hash = self.page_hash
        await self.run(ask)

    def _read(self, answer: ForwardMsg) -> None:
        kind = answer.WhichOneof("type")
        if kind == "new_session" and not answer.metadata.run.fragment_ids:
            self.texts, self.buttons, self.fragments = [], {}, []
        elif kind == "page_info_changed":
            self.query = answer.page_info_changed.query_string
        elif kind == "navigation":
            self.page_hash = answer.navigation.page_script_hash
        elif kind == "auto_rerun":
            self.fragments.append(answer.auto_rerun.fragment_id)
        elif kind == "delta" and answer.delta.HasField("new_element"):
            element = answer.delta.new_element
            if element.HasField("button"):
                self.buttons[element.button.label.replace("\\", "")] = element.button.id
            for name in ("heading", "markdown", "alert"):
                if element.HasField(name):
                    self.texts.append(getattr(element, name).body)


async def open_tab(server: Server, page: str, query: str = "", cookie: str = "") -> Tab:
    """A session that has run the page once. The caller closes its connection."""
    tab = Tab(server, await open_session(server, cookie), page, query)
    await tab.run()
    return tab
