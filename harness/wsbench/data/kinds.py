"""Entries of datasets.yaml that name their kind, as datasets: without a line of Python by who wrote them."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any

from pydantic import Field, create_model
from pydantic.fields import FieldInfo

from wsbench.contract.kinds import DatasetKindSpec
from wsbench.contract.plugins import Plugins
from wsbench.contract.specs import DatasetSpec
from wsbench.data import catalog
from wsbench.errors import WsbenchError, as_line, choose, suggestion
from wsbench.files import documents
from wsbench.settings import Settings


def with_own_datasets(plugins: Plugins, folder: Path | None = None) -> Plugins:
    """The same plugins with a dataset for every entry of datasets.yaml that names its kind.

    An entry that cannot be used takes nothing else down: who asks for its dataset is told why.

    Args:
        plugins: their datasets are added to.
        folder: of datasets.yaml; default: the working directory.
    """
    try:
        file, entries = catalog.own_entries(folder)
    except WsbenchError as error:
        plugins.refused[""] = as_line(str(error))
        return plugins
    for name, values in entries.items():
        if "kind" not in values:
            continue
        try:
            plugins.datasets[name] = dataset_of(plugins, name, values, file)
            plugins.origins["dataset", name] = str(file)
        except WsbenchError as error:
            plugins.refused[name] = as_line(str(error))
    return plugins


def dataset_of(plugins: Plugins, name: str, values: Mapping[str, Any], file: Path) -> DatasetSpec:
    """The dataset that an entry of datasets.yaml is.

    Args:
        plugins: among which its kind is looked up.
        name: of the entry.
        values: of the entry, by key.
        file: in which it stands, for messages.

    Raises:
        WsbenchError: the name is taken, the kind is unknown, or a key is; the message names file and entry.
    """
    where = f"{file}: {name}"
    if name in plugins.datasets:
        place = plugins.origins["dataset", name]
        raise WsbenchError(f"{where}: {place} provides a dataset of this name; rename the entry")
    try:
        kind = choose(str(values["kind"]), plugins.kinds, "kind of dataset")
        settings = _settings_of(kind, values, where)
        return DatasetSpec(name, f"{kind.summary} ({catalog.FILE})", settings, kind.load)
    except WsbenchError as error:
        text = str(error)
        raise WsbenchError(text if text.startswith(where) else f"{where}: {text}") from None


def _settings_of(kind: DatasetKindSpec, values: Mapping[str, Any], where: str) -> type[Settings]:
    """The kind's settings model with an entry's values as its defaults, so that ``--data-option`` changes
    them and ``wsbench describe`` shows them."""
    fields, of_all = kind.settings.model_fields, catalog.Entry.model_fields
    if both := sorted(fields.keys() & of_all.keys()):
        raise WsbenchError(f"{where}: kind {kind.name} has the setting '{both[0]}', a key of every entry")
    own = {key: value for key, value in values.items() if key not in of_all}
    for key in own:
        if key not in fields:
            raise WsbenchError(
                f"{where}: {key}: no key of kind {kind.name}; {suggestion(str(key), [*fields, *of_all])}"
            )
    checked = documents.checked(kind.settings, own, where)
    defaults: dict[str, Any] = {key: _with_default(fields[key], getattr(checked, key)) for key in own}
    return create_model(kind.settings.__name__, __base__=kind.settings, __doc__=kind.summary, **defaults)


def _with_default(field: FieldInfo, value: Any) -> tuple[Any, Any]:
    """The same field, with another default, as `create_model` takes it."""
    type_ = Annotated[(field.annotation, *field.metadata)] if field.metadata else field.annotation
    return type_, Field(value, description=field.description)
