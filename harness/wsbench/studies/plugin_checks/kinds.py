"""The contract of kinds of dataset, and what is checked of a plugin of any kind."""

from __future__ import annotations

from pathlib import Path

from wsbench.contract.kinds import DatasetKindSpec
from wsbench.errors import printable
from wsbench.settings import Settings, fill
from wsbench.studies.plugin_checks.base import Check, require


def kind_checks(spec: DatasetKindSpec, folder: Path) -> list[Check]:
    """The checks of a kind of dataset.

    Args:
        spec: the kind.
        folder: an empty folder to work in.
    """

    def check_guess() -> None:
        guess = None if spec.guess is None else spec.guess(folder)
        require(
            guess is None, f"guess knows {guess} of an empty folder; return None for what it does not know"
        )

    return [Check("it guesses nothing of an empty folder", check_guess)]


def summary_check(summary: str) -> Check:
    """The check of the line that lists show."""

    def check() -> None:
        require(
            isinstance(summary, str) and summary.strip(), "its summary is empty; say in a line what it is"
        )
        require(printable(summary) == summary, "its summary must be a line of characters that can be shown")

    return Check("its summary is a line of text", check)


def settings_check(model: type[Settings], owner: str, *, defaults: bool = True) -> Check:
    """The check of a settings model.

    Args:
        model: the settings model.
        owner: the plugin that it belongs to.
        defaults: whether every setting must have a default.
    """

    def check() -> None:
        is_model = isinstance(model, type) and issubclass(model, Settings)
        require(is_model, f"its settings are {model!r}, which is not derived from wsbench.Settings")
        for name, field in model.model_fields.items():
            require(
                not (defaults and field.is_required()),
                f"setting '{name}' has no default; the default of a field is the published value",
            )
            require(
                field.description,
                f"setting '{name}' has no help; write Field(..., description=...), which "
                f"`wsbench describe {owner}` shows",
            )
        if defaults:
            fill(model, {}, owner)

    return Check("its settings have valid defaults and a line of help", check)
