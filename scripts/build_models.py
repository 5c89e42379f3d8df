"""Count the known models anew: ``python scripts/build_models.py [--check]``.

``inspect/lmloupe/data/models.json`` holds published configs and published parameter counts, written by hand from the
sources that NOTICE names, and beside each what the model is made of, which this script computes from the config with
transformers on torch's meta device. It writes nothing unless every count equals the published one.
"""

from __future__ import annotations

import argparse
import json
import sys
from dataclasses import asdict
from pathlib import Path
from typing import Any

import transformers

from lmloupe.planner.measure import makeup_of
from lmloupe.planner.models.phi3_small import phi3_small

PATH = Path(__file__).resolve().parent.parent / "inspect" / "lmloupe" / "data" / "models.json"


def counted(config: dict[str, Any]) -> tuple[str, dict[str, Any]]:
    """How a model was counted, and its makeup as JSON holds it, without fields that have their default."""
    if config["model_type"] == "phi3small":
        how, makeup = "by hand", phi3_small(config)
    else:
        kind = transformers.CONFIG_MAPPING[config["model_type"]]
        how, makeup = "transformers", makeup_of(kind.from_dict(json.loads(json.dumps(config))))
    return how, asdict(makeup)


def main() -> int:
    """Count all, compare with the published counts, and write or compare the file; 1 where something differs."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--check", action="store_true", help="only compare")
    check = parser.parse_args().check
    entries = json.loads(PATH.read_text("utf-8"))
    wrong = []
    for entry in entries:
        entry["counted"], entry["makeup"] = counted(entry["config"])
        found = sum(group_numbers(group) for group in entry["makeup"]["groups"])
        if found != entry["published_parameters"]:
            wrong.append(f"{entry['key']}: {found:,} counted, {entry['published_parameters']:,} published")
    text = "[\n" + ",\n".join(json.dumps(entry, ensure_ascii=False) for entry in entries) + "\n]\n"
    if check and text != PATH.read_text("utf-8"):
        wrong.append(f"{PATH.name} is not what its configs give: run without --check")
    print(*wrong, sep="\n", file=sys.stderr)
    if not wrong and not check:
        PATH.write_text(text, "utf-8")
    return int(bool(wrong))


def group_numbers(group: dict[str, Any]) -> int:
    """Numbers in a group of parameters."""
    numbers: int = group["count"]
    for size in group["shape"]:
        numbers *= size
    return numbers


if __name__ == "__main__":
    raise SystemExit(main())
