"""The values that a search may take: what a user says of them, within the bounds of the settings model."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal, Union, get_args, get_origin

from annotated_types import Ge, Gt, Le, Lt
from pydantic.fields import FieldInfo

from wsbench.contract.specs import MethodSpec
from wsbench.errors import WsbenchError, suggestion
from wsbench.settings import Settings
from wsbench.studies.tuning.form import ChoicesForm, Form, RangeForm, Scalar


@dataclass(frozen=True)
class Span:
    """A range of numbers.

    Attributes:
        low, high: the ends, which may be taken themselves.
        whole: whether values are whole numbers.
        log: whether values are spread evenly over orders of magnitude.
        step: the distance between values; None for any value.
    """

    low: float
    high: float
    whole: bool
    log: bool = False
    step: float | None = None

    @property
    def extremes(self) -> tuple[Scalar, ...]:
        """Both ends, as values of a setting."""
        return (int(self.low), int(self.high)) if self.whole else (self.low, self.high)


@dataclass(frozen=True)
class Choices:
    """Values to choose from, in no order."""

    values: tuple[Scalar, ...]

    @property
    def extremes(self) -> tuple[Scalar, ...]:
        """All values."""
        return self.values


Dimension = Span | Choices
Space = Mapping[str, Dimension]
"""The values of every setting that is searched, by name. A setting inside settings is named with a dot
(``teacher.epochs``)."""


def space_of(forms: Mapping[str, Form], spec: MethodSpec) -> dict[str, Dimension]:
    """The values that are searched.

    Args:
        forms: what is said of each setting.
        spec: the method.

    Raises:
        WsbenchError: no setting is named, one does not exist, has no bounds, or changes nothing that a trial
            is judged by.
    """
    if not forms:
        bounded = sorted(name for name in spec.settings.model_fields if _own_range(spec, name) is not None)
        known = f"; {spec.name} has bounds of its own for {', '.join(bounded)}" if bounded else ""
        raise WsbenchError(f"no setting is searched; type --search NAME=LOW:HIGH or --search NAME=A,B{known}")
    for name in forms:
        if name in spec.after_predict:
            raise WsbenchError(
                f"--search {name}: changes only {spec.name}'s own boxes, which no trial is judged by"
            )
    return {name: _dimension(name, form, spec) for name, form in forms.items()}


def nested(values: Mapping[str, Scalar]) -> dict[str, Any]:
    """Values by dotted names as options of a method: mappings inside mappings."""
    options: dict[str, Any] = {}
    for name, value in values.items():
        *outer, last = name.split(".")
        place = options
        for part in outer:
            place = place.setdefault(part, {})
        place[last] = value
    return options


def _dimension(name: str, form: Form, spec: MethodSpec) -> Dimension:
    field = _field(spec.settings, name, spec.name)
    kind = _kind(field)
    if isinstance(form, ChoicesForm):
        return Choices(form.values)
    if isinstance(form, RangeForm):
        if kind not in (int, float):
            raise WsbenchError(f"--search {name}: is no number; write the values as A,B,C")
        return _span(form, whole=kind is int, name=name)
    if (own := _own(field)) is None:
        raise WsbenchError(
            f"--search {name}: {spec.name} gives it no bounds; write {name}=LOW:HIGH or {name}=A,B"
        )
    return own


def _span(form: RangeForm, *, whole: bool, name: str) -> Span:
    ends = (form.low, form.high, form.step or 1.0)
    if whole and any(end != int(end) for end in ends):
        raise WsbenchError(f"--search {name}: is a whole number; write whole ends and steps")
    return Span(form.low, form.high, whole, form.log, form.step)


def _own_range(spec: MethodSpec, name: str) -> Dimension | None:
    return None if name in spec.after_predict else _own(spec.settings.model_fields[name])


def _own(field: FieldInfo) -> Dimension | None:
    """The values that the model allows, where it says so: a choice, true or false, or a bounded number."""
    kind = _kind(field)
    if get_origin(kind) is Literal:
        values = get_args(kind)
        return Choices(values) if len(values) > 1 else None
    if kind is bool:
        return Choices((False, True))
    if kind not in (int, float):
        return None
    low, high = -math.inf, math.inf
    for bound in field.metadata:
        low = max(low, _lowest(bound, kind))
        high = min(high, _highest(bound, kind))
    return Span(low, high, kind is int) if -math.inf < low < high < math.inf else None


def _lowest(bound: object, kind: Any) -> float:
    """The lowest number that a bound allows. Where it excludes itself, that is the next one."""
    if isinstance(bound, Ge):
        return float(bound.ge)  # type: ignore[arg-type]  # its type is that of anything that compares
    if isinstance(bound, Gt):
        end = float(bound.gt)  # type: ignore[arg-type]
        return end + 1 if kind is int else math.nextafter(end, math.inf)
    return -math.inf


def _highest(bound: object, kind: Any) -> float:
    if isinstance(bound, Le):
        return float(bound.le)  # type: ignore[arg-type]
    if isinstance(bound, Lt):
        end = float(bound.lt)  # type: ignore[arg-type]
        return end - 1 if kind is int else math.nextafter(end, -math.inf)
    return math.inf


def _kind(field: FieldInfo) -> Any:
    """The type of a setting, without None."""
    kinds = [kind for kind in get_args(field.annotation) if kind is not type(None)]
    optional = get_origin(field.annotation) not in (Literal, None) and len(kinds) == 1
    return kinds[0] if optional and _is_union(field.annotation) else field.annotation


def _is_union(annotation: Any) -> bool:
    from types import UnionType

    return get_origin(annotation) in (Union, UnionType)


def _field(model: type[Settings], name: str, owner: str) -> FieldInfo:
    """The field of a setting by its dotted name."""
    *outer, last = name.split(".")
    for part in outer:
        inner = _kind(_named(model, part, owner))
        if not (isinstance(inner, type) and issubclass(inner, Settings)):
            raise WsbenchError(f"--search {name}: {part} of {owner} has no settings inside it")
        model, owner = inner, f"{part} of {owner}"
    return _named(model, last, owner)


def _named(model: type[Settings], name: str, owner: str) -> FieldInfo:
    if name not in model.model_fields:
        raise WsbenchError(f"{owner} has no option '{name}'; {suggestion(name, model.model_fields)}")
    return model.model_fields[name]
