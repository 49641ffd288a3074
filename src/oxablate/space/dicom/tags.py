"""Single values of a DICOM header, checked one by one: a header says anything, and says it in any form."""

import math
import re
from typing import Any

from ...quantities.refusal import BadInput
from ..own_slip import is_own_slip
from ..words import printable

__all__ = ["identifier", "needed", "numbers", "printable", "single", "text", "value_of", "whole"]

_UID = re.compile(r"[0-9]+(\.[0-9]+)*")


def value_of(data, keyword: str, where: str) -> Any:
    """The value of an element, None where it is absent or empty; `BadInput` where it cannot be read."""
    try:
        value = data.get(keyword)
    except Exception as error:
        if is_own_slip(error):
            raise
        raise BadInput(f"{where} holds a damaged {keyword} ({type(error).__name__}); export it again") from None
    return None if value is None or (hasattr(value, "__len__") and len(value) == 0) else value


def numbers(data, keyword: str, count: int, where: str) -> tuple[float, ...] | None:
    """`count` finite numbers of an element, None where it is absent; `BadInput` for another count or other values."""
    value = value_of(data, keyword, where)
    if value is None:
        return None
    listed = list(value) if hasattr(value, "__iter__") and not isinstance(value, str | bytes) else [value]
    try:
        found = tuple(float(v) for v in listed)
    except (TypeError, ValueError):
        found = ()
    if len(found) != count or not all(math.isfinite(v) for v in found):
        raise BadInput(f"{where} has {keyword} = {printable(value)!r}; {count} finite numbers are needed")
    return found


def needed(data, keyword: str, count: int, where: str) -> tuple[float, ...]:
    """As `numbers`, with `BadInput` where the element is absent."""
    found = numbers(data, keyword, count, where)
    if found is None:
        raise BadInput(f"{where} states no {keyword}, so its place or its values are unknown; export it again")
    return found


def whole(data, keyword: str, where: str, low: int, high: int, absent: int | None = None) -> int:
    """A whole number from `low` to `high`; `absent` where the element is missing, `BadInput` if that is None."""
    if absent is not None and value_of(data, keyword, where) is None:
        return absent
    (found,) = needed(data, keyword, 1, where)
    if found != int(found) or not low <= found <= high:
        raise BadInput(f"{where} has {keyword} = {found:g}; a whole number from {low} to {high} is allowed")
    return int(found)


def text(data, keyword: str, where: str) -> str:
    """A code string (upper case) of an element, empty where it is absent."""
    value = value_of(data, keyword, where)
    return "" if value is None else printable(value).strip().upper()


def identifier(data, keyword: str, where: str) -> str:
    """A unique identifier, empty where it is absent; `BadInput` for anything but digits and dots, 64 at most."""
    value = value_of(data, keyword, where)
    found = "" if value is None else str(value).strip()
    if found and (len(found) > 64 or not _UID.fullmatch(found)):
        raise BadInput(f"{where} has {keyword} = {printable(found)!r}, which is no identifier of digits and dots")
    return found


def single(data, keyword: str, where: str) -> Any:
    """The one item of a sequence, None where it is absent or empty; `BadInput` for several items."""
    items = value_of(data, keyword, where)
    if items is None:
        return None
    if not hasattr(items, "__getitem__") or len(items) != 1:
        raise BadInput(f"{where} holds a {keyword} that is not one item; export it again")
    return items[0]
