"""What follows a training in one go: a model in the catalog, its scores, its exports; never a promotion."""

import contextlib
import csv
import json
import os
import shutil
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from segstudio.errors import InputError, SegstudioError
from segstudio.jobs import JobContext, PartContext, run_child
from segstudio.training.data.manifest import read_manifest
from segstudio.workflows.retrain.folder import RunFolder, RunNote, read_json, write_json
from segstudio.workflows.retrain.locks import take
from segstudio.workflows.retrain.placed_model import (
    is_of,
    note_lineage,
    place_model,
    placed_model,
    weights_of,
)
from segstudio.workflows.retrain.samples import VALIDATION
from segstudio.workflows.retrain.start import file_hash

MODEL, EVALUATE, EXPORT = "model", "evaluate", "export"
SAID = {MODEL: "making the model", EVALUATE: "evaluating", EXPORT: "exporting"}
READY = "ready to compare"
# A step that works says so by the time of chain.json; not with each of its reports.
SIGN_SECONDS = 10.0


@dataclass(frozen=True)
class ChainResult:
    """What a chain leaves; "" and None for what was not asked for.

    Attributes:
        model: name of the new model in the catalog.
        evaluation: results.json of the held-out samples.
        miou: on them, 0-1.
        page: the report of the exports.
        said: the last word: the model is ready to compare, and not in use.
    """

    model: str
    evaluation: Path | None = None
    miou: float | None = None
    page: Path | None = None
    said: str = READY

    def to_json(self) -> dict[str, Any]:
        """A JSON-ready form."""
        return {
            "model": self.model, "evaluation": str(self.evaluation or ""), "miou": self.miou,
            "page": str(self.page or ""), "said": self.said,
        }  # fmt: skip


def run_chain(run: RunFolder, context: JobContext, *, formats: tuple[str, ...] | None = None) -> ChainResult:
    """Makes a model of a run, evaluates and exports it, as the run's choice says; the work of a Job.

    Every step is a child process and is remembered in the run's folder: called again, it goes on with the
    first one that is not done. Where the run has learnt on since, all steps are done again, and the new
    weights become a model beside the older one.

    Args:
        run: with weights; it need not have come to its end.
        context: progress, cancellation, and the events of the steps.
        formats: to export to, in place of the choice's.

    Raises:
        InputError: the run has no weights yet, or another process is at it.
        SegstudioError: a step failed; says which. Cancelled: the context was cancelled.
    """
    note = run.note()
    if note is None:
        raise InputError(
            f"{run.path} was not made by retrain", hint="export it: segstudio export RUN --out DIR"
        )
    if weights_of(run) is None:
        raise InputError(f"the run {run.name} has no weights yet", hint="let it train until it has saved")
    held = take(run.path / "chain.lock", shared_by_threads=False)
    if held is None:
        raise InputError(f"another window makes the model of {run.name} just now", hint="wait for it")
    try:
        return _Chain(run, note, context, note.choice.formats if formats is None else formats).run()
    finally:
        held.release()


def chain_result(run: RunFolder) -> ChainResult | None:
    """What the chain of a run has left so far; None before its model is made."""
    done = read_json(run.chain).get("done", {})
    if MODEL not in done:
        return None
    evaluated, exported = done.get(EVALUATE, {}), done.get(EXPORT, {})
    return ChainResult(
        done[MODEL]["name"],
        Path(evaluated["results"]) if evaluated else None,
        evaluated.get("miou"),
        Path(exported["page"]) if exported else None,
    )


class _Chain:
    """The steps of one run, and the memory of those that are done."""

    def __init__(self, run: RunFolder, note: RunNote, context: JobContext, formats: tuple[str, ...]) -> None:
        self._run, self._note, self._context, self._formats = run, note, context, formats
        weights = weights_of(run)
        assert weights is not None
        self._weights, self._signed = file_hash(weights), 0.0
        known = read_json(run.chain)
        # What was made of other weights says nothing of these.
        self._done: dict[str, Any] = known.get("done", {}) if known.get("weights") == self._weights else {}

    def run(self) -> ChainResult:
        steps: list[tuple[str, Callable[[], dict[str, Any]]]] = [(MODEL, self._make_model)]
        if self._note.choice.evaluate and self._scored():
            steps.append((EVALUATE, self._evaluate))
        if self._formats:
            steps.append((EXPORT, self._export))
        try:
            for number, (step, work) in enumerate(steps):
                self._context.check()
                if self._is_done(step):
                    continue
                self._remember(SAID[step])
                self._context.progress(number, len(steps), SAID[step])
                self._done[step] = {**work(), "time": round(time.time(), 3)}
                self._remember(SAID[step])
        finally:
            self._remember("")
        result = chain_result(self._run)
        assert result is not None
        self._context.event({"kind": "chain", **result.to_json()})
        return result

    def _is_done(self, step: str) -> bool:
        known = self._done.get(step)
        if known is None:
            return False
        if step == MODEL:
            return is_of(Path(known["folder"]), self._weights)
        if step == EXPORT:
            return set(self._formats) <= set(known["formats"]) and Path(known["page"]).is_file()
        return Path(known["results"]).is_file()

    def _remember(self, doing: str) -> None:
        note = {"doing": doing, "process": os.getpid(), "weights": self._weights, "done": self._done}
        write_json(self._run.chain, note)

    def _show(self, step: str, done: float, total: float, text: str) -> None:
        """Tells how far a step is, and now and then whoever looks at the folder that it lives."""
        self._context.progress(done, total, f"{SAID[step]}  ·  {text}")
        now = time.monotonic()
        if now - self._signed >= SIGN_SECONDS:
            self._signed = now
            with contextlib.suppress(OSError):
                os.utime(self._run.chain)

    def _scored(self) -> int:
        samples = read_manifest(self._run.manifest).samples
        return sum(sample.split == VALIDATION for sample in samples)

    def _make_model(self) -> dict[str, Any]:
        """Exports the best weights and puts the model into the catalog, unless it is there already."""
        run = self._run
        placed = placed_model(run)
        if placed is None:
            made = run.path / MODEL
            if not is_of(made, self._weights):
                shutil.rmtree(made, ignore_errors=True)
                samples = read_manifest(run.manifest).samples
                learnt = sum(sample.split != VALIDATION for sample in samples)
                origin = f"{learnt} samples of {Path(self._note.project).name}"
                words = ("--name", run.name, "--trained-on", origin, "--json")
                self._child(MODEL, "export", str(run.path), "--out", str(made), *words)
                note_lineage(made, run, self._note, self._weights)
            placed = place_model(made, run.name)
        return {"name": placed.name, "folder": str(placed)}

    def _evaluate(self) -> dict[str, Any]:
        """Scores the best weights on all held-out samples, at the images' own size."""
        source = {"kind": "manifest", "path": str(self._run.manifest)}
        test = f"studio.test={json.dumps([source], ensure_ascii=False)}"
        found = self._child(
            EVALUATE, "evaluate", "-e", str(self._run.spec_file), "--json-events", test,
            f"dataset.segment.test_split={VALIDATION}", "studio.evaluation.bootstrap=1000",
        )  # fmt: skip
        return {"results": str(self._run.path / EVALUATE / "results.json"), "miou": found.get("miou")}

    def _export(self) -> dict[str, Any]:
        """Exports the model, judged by the held-out samples where there are some.

        Formats of before are made again with the new ones: one report is of all of them.
        """
        model, before = self._done[MODEL], self._done.get(EXPORT, {}).get("formats", ())
        formats = list(dict.fromkeys((*before, *self._formats)))
        # What a model of older weights was exported to stays beside it.
        out = self._run.path / ("exports" if model["name"] == self._run.name else f"exports-{model['name']}")
        shutil.rmtree(out, ignore_errors=True)
        words = ["export", str(model["folder"]), "--out", str(out), "--as", ",".join(formats)]
        if pairs := self._pairs():
            listed = self._run.path / "judge.csv"
            with listed.open("w", encoding="utf-8", newline="") as file:
                csv.writer(file).writerows(pairs)
            words += ["--images", str(listed), "--palette", str(self._run.data / "palette.yaml")]
        found = self._child(EXPORT, *words, "--json-events")
        return {"formats": formats, "page": found.get("page", ""), "folder": str(out)}

    def _pairs(self) -> list[tuple[str, str]]:
        root = self._run.data
        return [
            (str((root / sample.image).resolve()), str((root / sample.mask).resolve()))
            for sample in read_manifest(self._run.manifest).samples
            if sample.split == VALIDATION
        ]

    def _child(self, step: str, *words: str) -> dict[str, Any]:
        """The result of one of segstudio's own commands.

        Raises:
            SegstudioError: its one line, with the step that failed.
        """
        part = PartContext(self._context, lambda *report: self._show(step, *report))
        try:
            found = run_child([sys.executable, "-m", "segstudio", *words], part)
        except SegstudioError as error:
            self._context.check()
            text = error.message.removeprefix("segstudio: ")
            raise SegstudioError(f"{SAID[step]} failed: {text}", hint=error.hint) from error
        return found if isinstance(found, dict) else {}
