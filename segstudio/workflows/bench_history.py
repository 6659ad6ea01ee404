"""Keeps what `segstudio bench` measured, by machine; rows of other hardware are shown apart, never ranked."""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, TypeVar

from segstudio import paths
from segstudio.workflows.bench import BenchResult, BenchRow
from segstudio.workflows.ledger import add_line, lines
from segstudio.workflows.machine import Machine, this_machine
from segstudio.workflows.reference import ReferenceSpeed, load_reference

T = TypeVar("T")
FILE = "bench.jsonl"
# How the cards name networks, by the start of our names for them.
CARD_NAMES = {"mit_b5": "MiT-B5", "fan_base": "FAN-B-Hybrid"}
NOT_FOR_RANKING = "other hardware, another protocol: for orientation, not for ranking"


@dataclass(frozen=True)
class BenchRecord:
    """One bench as it is kept: when (ISO 8601, UTC), on what machine, and its result."""

    when: str
    machine: Machine
    result: BenchResult

    def to_json(self) -> dict[str, Any]:
        """A JSON-ready form, which `record_from_json` reads."""
        return {"when": self.when, "machine": asdict(self.machine), "result": self.result.to_json()}


@dataclass(frozen=True)
class History:
    """What was measured.

    Attributes:
        records: newest first.
        skipped: lines of the file that are no records.
        file: where they are kept.
    """

    records: tuple[BenchRecord, ...]
    skipped: int
    file: Path

    def by_machine(self) -> dict[Machine, list[BenchRecord]]:
        """Records of one machine each, newest first; the machine of the newest record first."""
        found: dict[Machine, list[BenchRecord]] = {}
        for record in self.records:
            found.setdefault(record.machine, []).append(record)
        return found

    @property
    def cards(self) -> tuple[ReferenceSpeed, ...]:
        """What model cards publish of the same architectures."""
        known = dict.fromkeys(record.result.architecture for record in self.records)
        return tuple(row for architecture in known for row in cards_for(architecture))

    def to_json(self) -> dict[str, Any]:
        """A JSON-ready form: machines, each with its records, and apart from them the cards' rows."""
        machines = [
            {"machine": asdict(machine), "records": [record.to_json() for record in records]}
            for machine, records in self.by_machine().items()
        ]
        cards = [asdict(row) for row in self.cards]
        return {"file": str(self.file), "machines": machines, "skipped": self.skipped, "cards": cards}

    def lines(self) -> list[str]:
        """What a person reads: a block a machine, then a block a card."""
        shown = []
        for machine, records in self.by_machine().items():
            shown.append(str(machine))
            for record in records:
                first, *rest = record.result.lines()
                shown += [f"  {record.when} {first}", *(f"  {line}" for line in rest)]
        if not shown:
            shown.append("nothing was timed yet: segstudio bench MODEL")
        for protocol in dict.fromkeys((row.name, row.source, row.protocol) for row in self.cards):
            rows = [row for row in self.cards if (row.name, row.source, row.protocol) == protocol]
            figures = ", ".join(f"{row.platform} {row.fps:g} (batch {row.batch})" for row in rows)
            shown += [f"{protocol[1]}, {protocol[0]}: {protocol[2]}; {NOT_FOR_RANKING}", f"  FPS: {figures}"]
        if self.skipped:
            shown.append(f"{self.skipped} lines of {self.file} are no records and were left out")
        return shown


def history_file() -> Path:
    """The file that holds a record a line; the user's, as models may lie where nobody may write."""
    return paths.user_data_dir() / FILE


def made_now(result: BenchResult) -> BenchRecord:
    """A result with the time and this machine."""
    return BenchRecord(datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"), this_machine(), result)


def keep(record: BenchRecord) -> None:
    """Adds a record to the history.

    Raises:
        InputError: the file cannot be written.
    """
    hint = "free some space or check its rights, or leave the figures unsaved with --no-save"
    add_line(history_file(), record.to_json(), hint)


def read_history(model: str = "") -> History:
    """All records, or those of a model by its name; a missing file holds none.

    Raises:
        InputError: the file cannot be read.
    """
    path = history_file()
    read = [_record(line) for line in lines(path)]
    records = [record for record in read if record is not None]
    wanted = [record for record in records if model in ("", record.result.model)]
    wanted.sort(key=lambda record: record.when, reverse=True)
    return History(tuple(wanted), len(read) - len(records), path)


def cards_for(architecture: str) -> tuple[ReferenceSpeed, ...]:
    """The cards' rows on networks of an architecture, such as mit_b5."""
    names = [name for start, name in CARD_NAMES.items() if architecture.startswith(start)]
    return tuple(row for row in load_reference().speed if any(row.name.endswith(name) for name in names))


def record_from_json(values: Mapping[str, Any]) -> BenchRecord:
    """The record that a JSON object describes; keys that a newer segstudio added are passed over.

    Raises:
        KeyError, TypeError, ValueError: it describes none.
    """
    machine = {**values["machine"], "gpus": tuple(values["machine"].get("gpus", ()))}
    rows = tuple(_row(row) for row in values["result"]["rows"])
    result = {**values["result"], "rows": rows}
    return BenchRecord(str(values["when"]), _made(Machine, machine), _made(BenchResult, result))


def _row(values: Mapping[str, Any]) -> BenchRow:
    numbers = {key: float(values[key]) for key in ("fps", "variation")}
    latency = {str(key): float(value) for key, value in values["latency_ms"].items()}
    stages = values.get("stages")
    if stages is not None:
        stages = {str(key): float(value) for key, value in stages.items()}
    counts = {key: int(values[key]) for key in ("width", "height", "batch", "runs")}
    return BenchRow(**counts, fps=numbers["fps"], latency_ms=latency, variation=numbers["variation"],
                    stages=stages)  # fmt: skip


def _made(kind: type[T], values: Mapping[str, Any]) -> T:
    known = {entry.name for entry in fields(kind)}  # type: ignore[arg-type]  # dataclasses alone are given
    return kind(**{key: value for key, value in values.items() if key in known})


def _record(line: str) -> BenchRecord | None:
    try:
        return record_from_json(json.loads(line))
    except (ValueError, KeyError, TypeError, AttributeError):
        return None
