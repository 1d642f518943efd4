"""The doors that files and words from outside come through, each with a sound input to start from."""

from __future__ import annotations

import contextlib
import io
import json
import os
import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from fuzz_mutations import (
    ODD_TEXT,
    Mutation,
    mutate_arrays,
    mutate_bytes,
    mutate_json,
    mutate_json_lines,
    mutate_lines,
    mutate_yaml,
    within_xz,
)

import wsbench
from wsbench import settings
from wsbench.cli import main
from wsbench.contract import plugins, record_files, records
from wsbench.data import catalog
from wsbench.data.images import inspect_file, read_radiograph
from wsbench.errors import WsbenchError
from wsbench.predictions import external
from wsbench.reports import leaderboard, published
from wsbench.runs import evaluation_log, export, plan, replay, rescoring
from wsbench.runs.plan import load_dataset
from wsbench.utils.progress import Silent

SMALL = {"images": 60, "size": 64}
SCORED = 0.05
"""Of the predictions that are accepted, the share that is also scored, which takes a second."""

METRICS = ("cond_ap25", "auc", "miou", "froc")
"""That replayed records are computed again for."""

PUBLISHED = """citation: "Somebody: Something, 2020"
tables:
  - {table: "1", dataset: phantom, split: s, differs: d, columns: [auc, miou], rows: {net: [0.5, null]}}
"""
SPOT = '''
import numpy as np
import wsbench

class Spot(wsbench.Method):
    """What is bright."""

    def predict(self, images):
        grey = images.pixels(16, 16)[:].astype(np.float32) / 255
        return wsbench.Prediction(grey.mean(axis=(1, 2))[:, None], grey[:, None])

@wsbench.hookimpl
def wsbench_methods():
    return [wsbench.MethodSpec("spot", "what is bright", wsbench.Settings, Spot)]
'''
CATALOGUE = """mine: {root: data, folder: X, release: {train: 5}, roles: {train: {fit: 0.9, select: 0.1}}}
tbx11k: {licence: x, stratified: true}
"""


@dataclass(frozen=True)
class Door:
    """One kind of file from outside.

    Attributes:
        name: of the kind.
        file: that is mutated.
        mutations: that it suffers.
        enter: reads it, as a command does; given the generator for what it does seldom.
    """

    name: str
    file: Path
    mutations: tuple[Mutation, ...]
    enter: Callable[[random.Random], object]


class Doors:
    """Sound inputs in a folder, and the doors they go through.

    Args:
        folder: new; everything is made in it.
        names: of the doors that are wanted; all by default.
    """

    def __init__(self, folder: Path, names: Sequence[str] = ()) -> None:
        self.folder = folder
        folder.mkdir(parents=True)
        plugin = folder / "spot.py"
        plugin.write_text(SPOT)
        self.found = plugins.find([plugin])
        makers = {
            "record": self._record, "replay": self._replay, "results": self._results, "list": self._list,
            "heatmaps": self._heatmaps, "published": self._published, "catalogue": self._catalogue,
            "log": self._log, "tbx11k": self._tbx11k, "nih": self._nih, "nlm": self._nlm,
            "picture": self._picture, "options": self._options, "words": self._words,
        }  # fmt: skip
        self._run = wsbench.run(
            "spot", "phantom", data_options=SMALL, runs=folder / "runs", plugin_files=[plugin]
        )
        self._loaded = load_dataset(self.found, "phantom", SMALL, Silent())
        self._boards = self._leaderboards()
        self.all: list[Door] = [door for name in names or makers for door in makers[name]()]

    def _leaderboards(self) -> Path:
        boards = self.folder / "boards"
        for seed in (0, 1):
            leaderboard.add(replace(self._run, seed=seed), boards, (0, 1))
        other = {**self._run.method, "name": "other"}
        leaderboard.add(replace(self._run, method=other), boards, (0,))
        return boards

    def _record(self) -> list[Door]:
        path = next((self._boards / "records").glob("*/spot*seed0.json.xz"))
        words = ["leaderboard", str(self._boards)]
        inner = within_xz(mutate_json)
        return [Door("record", path, (inner, inner, mutate_bytes), lambda _: command(words))]

    def _replay(self) -> list[Door]:
        path = next((self._boards / "records").glob("*/spot*seed1.json.xz"))
        metrics = {name: self.found.metrics[name] for name in METRICS}

        def enter(random_: random.Random) -> object:
            return list(replay.differences(path, records.load(path), self._loaded, metrics))

        return [
            Door(
                "replay",
                record_files.predictions_beside(path),
                (mutate_arrays, mutate_arrays, mutate_bytes),
                enter,
            )
        ]

    def _outside(self, name: str, path: Path, *mutations: Mutation) -> Door:
        def enter(random_: random.Random) -> object:
            read = external.read_predictions(path, "program", self._loaded)
            if random_.random() < SCORED:
                rescoring.evaluate(read, self._loaded, self.found, self.folder / "scored")
            return read

        return Door(name, path, mutations, enter)

    def _results(self) -> list[Door]:
        path = self.folder / "results.json"
        export.coco(self._run, self._loaded, path)
        return [self._outside("results", path, mutate_json, mutate_json, mutate_bytes)]

    def _list(self) -> list[Door]:
        path = self.folder / "list.json"
        boxes = [{"image_id": s.name, "category_id": "tb", "bbox": [1, 2, 30, 40], "score": 0.5}
                 for s in self._loaded.samples_of("test")[:5]]  # fmt: skip
        path.write_text(json.dumps(boxes))
        return [self._outside("list", path, mutate_json, mutate_json, mutate_bytes)]

    def _heatmaps(self) -> list[Door]:
        path = self.folder / "maps.npz"
        export.arrays(self._run, self._loaded, path)
        return [self._outside("heatmaps", path, mutate_arrays, mutate_arrays, mutate_bytes)]

    def _published(self) -> list[Door]:
        folder = self.folder / "papers"
        path = folder / published.FOLDER / "paper.yaml"
        path.parent.mkdir(parents=True)
        path.write_text(PUBLISHED)
        return [Door("published", path, YAML, lambda _: command(["leaderboard", str(folder)]))]

    def _catalogue(self) -> list[Door]:
        folder = self.folder / "catalogue"
        folder.mkdir()
        path = folder / catalog.FILE
        path.write_text(CATALOGUE)

        def enter(_: random.Random) -> object:
            catalog.refuse_misspelt(self.found.datasets, folder)
            for name, entry in catalog.read_entries(folder).items():
                with contextlib.suppress(WsbenchError):
                    catalog.root_of(name, entry, None)
            return None

        return [Door("catalogue", path, YAML, enter)]

    def _log(self) -> list[Door]:
        path = self.folder / "log" / evaluation_log.FILE
        arguments = {"fingerprint": "f00d", "method": "net", "settings": {}, "seed": 0}
        for _ in range(3):
            evaluation_log.note(path, **arguments)
        mutations = (mutate_json_lines, mutate_bytes)
        return [Door("log", path, mutations, lambda _: evaluation_log.note(path, **arguments))]

    def _tbx11k(self) -> list[Door]:
        root = self._made("phantom", "tbx11k")

        def enter(_: random.Random) -> object:
            return load_dataset(self.found, "tbx11k", {}, Silent(), root=root, skip_bad=True).fingerprint

        lists = (mutate_lines, mutate_lines, mutate_bytes)
        return [
            Door("TBX11K list", root / "lists" / "TBX11K_train.txt", lists, enter),
            Door(
                "TBX11K boxes", root / "annotations/json/TBX11K_val.json", (mutate_json, mutate_bytes), enter
            ),
        ]

    def _nih(self) -> list[Door]:
        root = self._made("phantom14", "nih")

        def enter(_: random.Random) -> object:
            return load_dataset(self.found, "nih", {}, Silent(), root=root, skip_bad=True).fingerprint

        tables = (mutate_lines, mutate_lines, mutate_bytes)
        names = ("test_list.txt", "Data_Entry_2017_v2020.csv", "BBox_List_2017.csv")
        return [Door(f"NIH {name}", root / name, tables, enter) for name in names]

    def _nlm(self) -> list[Door]:
        root = self._made("phantom", "nlm") / "MontgomerySet"

        def enter(_: random.Random) -> object:
            return load_dataset(
                self.found, "montgomery", {}, Silent(), root=root.parent, skip_bad=True
            ).fingerprint

        path = next((root / "ClinicalReadings").glob("*.txt"))
        return [Door("NLM reading", path, (mutate_lines, mutate_bytes), enter)]

    def _made(self, dataset: str, layout: str) -> Path:
        root = self.folder / layout
        options = [word for name, value in SMALL.items() for word in ("-D", f"{name}={value}")]
        command(["data", "make", dataset, str(root), "--layout", layout, "-q", *options])
        return root

    def _picture(self) -> list[Door]:
        from PIL import Image

        path = self.folder / "picture.png"
        sample = self._loaded.samples[0]
        Image.fromarray(self._loaded.dataset.read(sample, 64, 64)).save(path)

        def enter(_: random.Random) -> object:
            return inspect_file(path).broken or read_radiograph(path, 32, 32)

        return [Door("picture", path, (mutate_bytes,), enter)]

    def _options(self) -> list[Door]:
        """Settings of methods and datasets, as they are typed; what they make is not run."""
        path = self.folder / "options.txt"
        path.write_text("epochs=3\nlearning_rate=0.01\nmean=[0.1, 0.2, 0.3]\nimages=60\nbackbone=resnet18\n")
        specs = [*self.found.methods.values(), *self.found.datasets.values()]

        def enter(random_: random.Random) -> object:
            words = path.read_text(encoding="utf-8", errors="replace").splitlines()
            values = settings.parse_options([random_.choice(words)] if words else [])
            spec = random_.choice(specs)
            if spec.name in self.found.datasets:
                return settings.fill(spec.settings, values, spec.name)
            phantom = self._loaded.spec
            return plan.make_plan(spec, None, values, dataset=phantom, seed=0, device="cpu", runs=self.folder)

        return [Door("options", path, (mutate_lines, mutate_bytes), enter)]

    def _words(self) -> list[Door]:
        """Command lines that only read."""
        path = self.folder / "words.txt"
        run, boards = str(self._run.folder), str(self._boards)
        lines = (
            ["leaderboard", boards], ["describe", "cam"], ["list"], ["strata", run, "--leaderboards", boards],
            ["power", "other", "--leaderboards", boards], ["run", "-m", "x", "-d", "y", "--seeds", "1,2"],
            ["evaluate", "--predictions", "x.json", "-d", "phantom", "--seed", "0"],
            ["roc", run, "--out", str(self.folder / "roc.png"), "--class", "sick"],
        )  # fmt: skip

        def enter(random_: random.Random) -> object:
            words = list(random_.choice(lines))
            place = random_.randrange(len(words))
            change = random_.choice((*ODD_TEXT, f"{words[place]}x", "--seed", "99999999999999999999"))
            words[place : place + random_.randrange(2)] = [change]
            return command(words)

        path.write_text("")
        return [Door("words", path, (mutate_bytes,), enter)]


YAML = (mutate_yaml, mutate_yaml, mutate_bytes)


def command(words: Sequence[str]) -> str:
    """What a command line prints.

    Raises:
        WsbenchError: it refuses what it was given; with what it printed.
    """
    out, err = io.StringIO(), io.StringIO()
    try:
        with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
            main(words)
    except SystemExit as end:
        if end.code == 2:
            raise WsbenchError(err.getvalue().strip().splitlines()[-1].removeprefix("error: ")) from None
    return out.getvalue()


def own_cache(folder: Path) -> None:
    """Let wsbench keep its caches in a folder."""
    os.environ["WSBENCH_CACHE"] = str(folder)
