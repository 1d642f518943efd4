"""Makes datasets of the entries of datasets.yaml that name their kind."""

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
    """Add a dataset for every entry of datasets.yaml that names its kind.

    An entry that cannot be used is no obstacle to the others. Asking for its dataset raises the reason.

    Args:
        plugins: the plugins. Their datasets are added to.
        folder: the folder of datasets.yaml; the working directory by default.

    Returns:
        The plugins that were given.
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
    """Make a dataset of an entry of datasets.yaml.

    Args:
        plugins: the plugins whose kinds are known.
        name: the name of the entry.
        values: the values of the entry by key.
        file: the file of the entry, for messages.

    Raises:
        WsbenchError: the name is taken, or the kind or a key is unknown. The message names file and entry.
    """
    where = f"{file}: {name}"
    if name in plugins.datasets:
        origin = plugins.origins["dataset", name]
        raise WsbenchError(f"{where}: {origin} provides a dataset of this name; rename the entry")
    try:
        kind = choose(str(values["kind"]), plugins.kinds, "kind of dataset")
        settings = _settings_of(kind, values, where)
        return DatasetSpec(name, f"{kind.summary} ({catalog.FILE})", settings, kind.load)
    except WsbenchError as error:
        text = str(error)
        raise WsbenchError(text if text.startswith(where) else f"{where}: {text}") from None


def _settings_of(kind: DatasetKindSpec, values: Mapping[str, Any], where: str) -> type[Settings]:
    """The settings model of a kind with the values of an entry as its defaults. So ``--data-option`` changes
    them and ``wsbench describe`` shows them."""
    fields, of_all = kind.settings.model_fields, catalog.Entry.model_fields
    if both := sorted(fields.keys() & of_all.keys()):
        raise WsbenchError(f"{where}: kind {kind.name} has the setting '{both[0]}', a key of every entry")
    of_kind = {key: value for key, value in values.items() if key not in of_all}
    for key in of_kind:
        if key not in fields:
            raise WsbenchError(
                f"{where}: {key}: no key of kind {kind.name}; {suggestion(str(key), [*fields, *of_all])}"
            )
    checked = documents.checked(kind.settings, of_kind, where)
    defaults: dict[str, Any] = {key: _with_default(fields[key], getattr(checked, key)) for key in of_kind}
    return create_model(kind.settings.__name__, __base__=kind.settings, __doc__=kind.summary, **defaults)


def _with_default(field: FieldInfo, value: Any) -> tuple[Any, Any]:
    """The same field, with another default, as `create_model` takes it."""
    type_ = Annotated[(field.annotation, *field.metadata)] if field.metadata else field.annotation
    return type_, Field(value, description=field.description)
