"""Options of a folder as part of its name in a mixture: `my_photos?labels=digits&skip_bad=1`."""

from __future__ import annotations

import re
from dataclasses import asdict, dataclass, fields, replace
from pathlib import Path
from urllib.parse import parse_qsl, urlencode

from artifacts.files import expand_user
from number_zoo.names import unknown_name


@dataclass(frozen=True)
class ReadOptions:
    """Options of a folder of photos.

    Attributes:
        labels: "" accepts only labels of digits; "digits" removes letters and signs around the
            digits.
        skip_bad: "1" leaves out the rows that cannot be used.
        name_pattern: pattern of file names with the label, see `names.read_names`; "" for none.
        fold: "I/K": fold I of K is validation, and the others are train; there is no test.

    Raises:
        ValueError: if a value is not one of those.
    """

    labels: str = ""
    skip_bad: str = ""
    name_pattern: str = ""
    fold: str = ""

    def __post_init__(self):
        if self.labels not in ("", "digits"):
            raise ValueError(f"labels is 'digits' or absent. Received: {self.labels!r}")
        if self.skip_bad not in ("", "1"):
            raise ValueError(f"skip_bad is 1 or absent. Received: {self.skip_bad!r}")
        match = re.fullmatch(r"(\d{1,4})/(\d{1,4})", self.fold, re.ASCII)
        if self.fold and not (match and 1 <= int(match[1]) <= int(match[2]) != 1):
            raise ValueError(f"a fold is I/K, such as 1/5 to 5/5. Received: {self.fold!r}")


OPTIONS = tuple(field.name for field in fields(ReadOptions))


def parse_source(source: str | Path) -> tuple[Path, ReadOptions]:
    """The path of a folder or table, and the options after its `?`.

    Raises:
        ValueError: if an option is unknown or its value does not fit.
    """
    text = str(source)
    path, mark, query = text.rpartition("?")
    if not mark or Path(text).exists():
        return expand_user(text), ReadOptions()
    values = dict(parse_qsl(query))
    for name in values.keys() - set(OPTIONS):
        raise ValueError(unknown_name("option of a folder", name, OPTIONS))
    return expand_user(path), ReadOptions(**values)


def with_options(source: str, **options: str) -> str:
    """Add options to the name of a folder in a mixture."""
    _, current = parse_source(source)
    path = source if current == ReadOptions() else source.rpartition("?")[0]
    values = {k: v for k, v in asdict(replace(current, **options)).items() if v}
    return f"{path}?{urlencode(values)}"
