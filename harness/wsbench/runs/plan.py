"""Turns words into a plan: the method, its settings, the data, and the folder where the run lies."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from wsbench import __version__
from wsbench.contract.base import Method
from wsbench.contract.containment import contain, contained, place_of
from wsbench.contract.plugins import Plugins
from wsbench.contract.specs import DatasetSpec, MethodSpec, Requirement
from wsbench.data import catalog, split_files
from wsbench.data.dataset import Loaded, load
from wsbench.data.fit_all import ALL, WARNING
from wsbench.data.fit_all import OPTION as FIT
from wsbench.data.fold_choice import leaving_out
from wsbench.errors import WsbenchError, choose
from wsbench.runs import preset_files
from wsbench.scoring.objectives import OBJECTIVE, OBJECTIVES
from wsbench.settings import Settings, TrainingSettings, fill
from wsbench.utils.devices import check_device
from wsbench.utils.hashing import key_of, trained_source
from wsbench.utils.progress import Progress

SPLIT = "split"
"""The dataset option that names a split file of the user's."""

LEAVE_OUT = "leave_out"
"""The dataset option that names a group of images that is tested and not trained on."""


@dataclass(frozen=True)
class Plan:
    """One run, resolved: nothing of it depends on defaults any more.

    Attributes:
        spec, preset, settings: the method.
        seed: the base seed.
        device: a ``--device`` word.
        runs: the folder of all runs.
        calibrate_for: what the harness's box rules are chosen for; one of `objectives.OBJECTIVES`.
        tuned: how the settings were chosen, as in `Record.tuned`.
    """

    spec: MethodSpec
    preset: str
    settings: Settings
    seed: int
    device: str
    runs: Path
    calibrate_for: str = OBJECTIVE
    tuned: Mapping[str, Any] = field(default_factory=dict)

    def folder(self, loaded: Loaded) -> Path:
        """Where the run lies: a function of method, settings, data and seed, so that typing the same
        command again finds it."""
        key = key_of([self.settings.model_dump(mode="json"), loaded.fingerprint])
        fold = "" if loaded.fold is None else f"{loaded.fold}-"
        return self.runs / loaded.spec.name / self.spec.name / f"seed{self.seed}-{fold}{key[:8]}"

    def trained(self) -> Plan:
        """The plan whose training this one predicts with: settings that fitting does not depend on are at
        their defaults, so that runs which differ in them alone share one training."""
        fields = self.spec.settings.model_fields
        later = (*self.spec.after_fit, *self.spec.after_predict)
        defaults = {name: fields[name].default for name in later}
        return replace(self, settings=self.settings.model_copy(update=defaults))

    def after_fit(self) -> dict[str, Any]:
        """The settings that only predicting depends on, as JSON values."""
        return self.settings.model_dump(mode="json", include=set(self.spec.after_fit))

    def after_predict(self) -> dict[str, Any]:
        """The settings that only the method's own boxes depend on, as JSON values, where they differ from
        their defaults."""
        fields = self.spec.settings.model_fields
        values = self.settings.model_dump(mode="json", include=set(self.spec.after_predict))
        return {name: value for name, value in values.items() if value != fields[name].default}

    def build(self, loaded: Loaded) -> Method:
        """The method, not yet fitted; what it does when it is called stays within the call."""
        with contained(self.who, "build"):
            method = self.spec.build(self.settings, loaded.dataset.classes)
        return contain(method, self.who)

    @property
    def who(self) -> str:
        """The method and the place of its plugin, for messages."""
        return f"{self.spec.name} (plugin {place_of(self.spec.build)})"

    def upstream(self, plugins: Plugins) -> dict[str, Plan]:
        """The plans of the methods this one builds on: same device and folder of runs, and the same seed
        unless a requirement names one.

        Raises:
            WsbenchError: a setting that must agree (`Requirement.agree`) does not. Every command asks for
                these plans before anything is trained.
        """
        plans = {}
        for name, needed in self.spec.requires(self.settings).items():
            spec = plugins.method(needed.method)
            settings = fill(spec.settings, needed.settings, spec.name)
            self._require_agreement(name, needed, settings)
            preset = self.preset if self.preset in spec.presets else next(iter(spec.presets))
            seed = self.seed if needed.seed is None else needed.seed
            plans[name] = replace(self, spec=spec, preset=preset, settings=settings, seed=seed, tuned={})
        return plans

    def _require_agreement(self, role: str, needed: Requirement, settings: Settings) -> None:
        """Settings that must agree do."""
        for name in needed.agree:
            ours, theirs = getattr(self.settings, name), getattr(settings, name)
            if ours != theirs:
                raise WsbenchError(
                    f"{self.spec.name} has {name}={ours}, but {needed.method}, its {role}, has "
                    f"{name}={theirs}; give both the same value"
                )

    def all_upstream(self, plugins: Plugins) -> list[Plan]:
        """The plans of all methods this one builds on, and of those that they build on."""
        plans = []
        for plan in self.upstream(plugins).values():
            plans += [plan, *plan.all_upstream(plugins)]
        return plans

    def inputs(self, loaded: Loaded, plugins: Plugins) -> dict[str, Any]:
        """All that fitting depends on, as JSON values."""
        return {
            "method": self.spec.name,
            "settings": self.trained().settings.model_dump(mode="json"),
            "seed": self.seed,
            "data": loaded.fingerprint,
            "source": trained_source(self.spec.build),
            "wsbench": __version__,
            "upstream": {name: p.inputs(loaded, plugins) for name, p in self.upstream(plugins).items()},
        }

    def describe(self) -> dict[str, Any]:
        """The method as records have it, as JSON values."""
        spec = self.spec
        return {
            "name": spec.name,
            "preset": self.preset,
            "changed": self.changed(),
            "settings": self.settings.model_dump(mode="json"),
            "citation": spec.citation,
            "box_supervision": spec.box_supervision.value,
            "box_use": spec.box_use,
            "reads_image": spec.reads_image,
            "deterministic": spec.deterministic,
            **({"reference": spec.reference} if spec.reference else {}),
        }

    def changed(self) -> dict[str, Any]:
        """The settings that differ from the preset's, as JSON values; of settings inside settings, too, those
        alone that differ."""
        preset = fill(self.spec.settings, self.spec.presets[self.preset], self.spec.name)
        return _difference(_all_values(self.settings), _all_values(preset))

    def chosen(self) -> dict[str, Any]:
        """The settings that differ from the preset's, as JSON values; of settings inside settings, all."""
        values = _all_values(self.settings)
        return {name: values[name] for name in self.changed()}


def _all_values(settings: Settings) -> dict[str, Any]:
    """All settings as JSON values, also those that keys leave out (`Settings.LATER`)."""
    later = {name: getattr(settings, name) for name in settings.LATER}
    return {**later, **settings.model_dump(mode="json")}


def _difference(ours: Mapping[str, Any], theirs: Mapping[str, Any]) -> dict[str, Any]:
    return {
        name: _difference(value, theirs[name])
        if isinstance(value, dict) and isinstance(theirs[name], dict) and value.keys() == theirs[name].keys()
        else value
        for name, value in ours.items()
        if value != theirs[name]
    }


def make_plan(
    spec: MethodSpec,
    preset: str | None,
    options: Mapping[str, Any],
    *,
    dataset: DatasetSpec,
    seed: int,
    device: str,
    runs: Path,
    calibrate_for: str = OBJECTIVE,
) -> Plan:
    """A plan with the preset that applies and ``options`` laid over it.

    Args:
        preset: None takes the dataset's, where the method has it, else the method's first. A word that ends
            in ``.yaml`` is a file of `wsbench.runs.preset_files`.

    Raises:
        WsbenchError: an unknown preset or option, a value out of bounds, or a device that is not there.
    """
    layers: list[Mapping[str, Any]] = [options]
    tuned: Mapping[str, Any] = {}
    if preset is not None and preset_files.is_file(preset) and preset not in spec.presets:
        file = preset_files.read(preset, spec.name)
        preset, layers, tuned = file.preset, [file.settings, options], file.tuning
    if preset is None:
        preset = dataset.preset if dataset.preset in spec.presets else next(iter(spec.presets))
    values = choose(preset, spec.presets, f"preset of {spec.name}")
    choose(calibrate_for, OBJECTIVES, "objective of calibration")
    for layer in layers:
        values = laid_over(values, layer)
    settings = fill(spec.settings, values, spec.name)
    check_device(device, used=isinstance(settings, TrainingSettings))
    return Plan(spec, preset, settings, seed, device, runs, calibrate_for, tuned)


def laid_over(values: Mapping[str, Any], changes: Mapping[str, Any]) -> dict[str, Any]:
    """Options with others laid over them. Of settings inside settings, only those that are named change."""
    result = dict(values)
    for name, value in changes.items():
        below = result.get(name)
        inner = isinstance(below, Mapping) and isinstance(value, Mapping)
        result[name] = {**dict(below or {}), **value} if inner else value
    return result


def blind_plans(
    plugins: Plugins,
    dataset: DatasetSpec,
    *,
    seed: int = 0,
    runs: Path,
    calibrate_for: str = OBJECTIVE,
    other_than: str = "",
) -> list[Plan]:
    """A plan of every method that never looks at the image: no localisation score is read without them.

    Args:
        plugins: all that were found.
        dataset: that the plans are for.
        seed: the base seed; a method that declares itself deterministic has seed 0, whatever it is.
        runs: the folder of all runs.
        calibrate_for: what box rules are chosen for.
        other_than: a method to leave out.
    """
    return [
        make_plan(
            spec,
            None,
            {},
            dataset=dataset,
            seed=0 if spec.deterministic else seed,
            device="cpu",
            runs=runs,
            calibrate_for=calibrate_for,
        )
        for spec in plugins.methods.values()
        if not spec.reads_image and spec.name != other_than
    ]


def load_dataset(
    plugins: Plugins,
    name: str,
    options: Mapping[str, Any],
    progress: Progress,
    *,
    root: str | Path | None = None,
    skip_bad: bool = False,
    refuse: bool = True,
    split: split_files.SplitFile | None = None,
) -> Loaded:
    """The dataset of that name, with its settings and its entry in the catalogue; see `data.dataset.load`.

    Option ``split``, where the dataset has no setting of that name, is a split file: its roles replace the
    dataset's own. Likewise, option ``leave_out`` is a group of images that is tested and not trained on, and
    ``fit=all`` trains on select and calibrate, too.

    Args:
        split: the split file, if it has been read already.

    Raises:
        WsbenchError: an unknown dataset or option, no folder, or a problem with a file.
    """
    spec = plugins.dataset(name)
    catalog.refuse_misspelt(plugins.datasets)
    entry = catalog.read_entries().get(name, catalog.Entry())
    values = dict(options)
    if SPLIT in values and SPLIT not in spec.settings.model_fields:
        split = split_files.read(str(values.pop(SPLIT)))
    left_out = values.pop(LEAVE_OUT, None) if LEAVE_OUT not in spec.settings.model_fields else None
    fit = values.pop(FIT, None) if FIT not in spec.settings.model_fields else None
    if fit not in (None, ALL):
        raise WsbenchError(f"{name}: option {FIT}={fit} is not valid; write {FIT}={ALL}, or leave it out")
    settings = fill(spec.settings, values, name)
    folder = Path(root) if root is not None else None
    loaded = load(spec, settings, entry, progress, root=folder, skip_bad=skip_bad, refuse=refuse)
    loaded = loaded if split is None else loaded.with_split(split)
    loaded = loaded if left_out is None else leaving_out(loaded, str(left_out))
    if fit is not None:
        loaded = loaded.fitting_all()
        progress.say(f"{name}: {WARNING}")
    return loaded
