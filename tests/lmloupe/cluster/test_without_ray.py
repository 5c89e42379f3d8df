"""Without a cluster's address nothing imports Ray, and without Ray nothing of the rest changes."""

from __future__ import annotations

import json
import subprocess
import sys

PROGRAM = """
import json, sys

class NoRay:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] == "ray":
            asked.append(name)
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)

asked = []
sys.meta_path.insert(0, NoRay())
import lmloupe as lm
from tests.support.pages import open_page

for name in dir(lm):
    getattr(lm, name)  # they are loaded as they are asked for
apps = {page: open_page(page, text="A coconut") for page in ("tokens", "next_token")}
pages = {page: [error.value for error in app.exception] for page, app in apps.items()}
before = list(asked)
try:
    lm.connect_engine("ray://127.0.0.1:9")
    said = ""
except lm.NotAvailableError as error:
    said = str(error)
loaded = [name for name in sys.modules if name.partition(".")[0] == "ray"]
print(json.dumps({"pages": pages, "asked": before, "loaded": loaded, "said": said}))
"""


def test_nothing_imports_ray_where_no_cluster_is_named() -> None:
    done = subprocess.run([sys.executable, "-c", PROGRAM], capture_output=True, text=True, timeout=300, check=True)
    found = json.loads(done.stdout.splitlines()[-1])
    assert found["pages"] == {"tokens": [], "next_token": []}
    assert found["asked"] == found["loaded"] == []
    assert "pip install -r requirements-cluster.txt" in found["said"]
