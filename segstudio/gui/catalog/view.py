"""The Models page: the tree of models, one of them in full or two side by side, history and disk use."""

from collections import Counter
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from PySide6.QtCore import Qt
from PySide6.QtWidgets import (
    QCheckBox,
    QHBoxLayout,
    QLineEdit,
    QMenu,
    QPushButton,
    QSplitter,
    QStackedWidget,
    QVBoxLayout,
    QWidget,
)

from segstudio.gui.catalog.book import CatalogBook
from segstudio.gui.catalog.detail import ModelDetail
from segstudio.gui.catalog.history import UseHistory
from segstudio.gui.catalog.side_by_side import SideBySide
from segstudio.gui.catalog.texts import size_text
from segstudio.gui.catalog.tree import ModelTree
from segstudio.gui.dashboards.page import DashboardPage
from segstudio.gui.dashboards.tiles import Placeholder
from segstudio.gui.panels.parts import EmptyState, caption
from segstudio.gui.session import Session
from segstudio.inference.spec import FILE
from segstudio.jobs import JobContext
from segstudio.project.sample import Changes
from segstudio.workflows.model_comparison import compare_models
from segstudio.workflows.model_disk import DiskUse, Freeable, disk_use
from segstudio.workflows.model_facts import CatalogFacts, ModelFacts, read_catalog

NOTHING = "Select a model; Ctrl and a click on a second one compares both."
FREE = {
    Freeable.CACHES: "What backends compiled",
    Freeable.TRASH: "The trash, for good",
    Freeable.EXPORTS: "Exports that were made again since, to the trash",
}


@dataclass(frozen=True)
class Contents:
    """What one look at the catalog found."""

    facts: CatalogFacts
    disk: DiskUse


class ModelsView(DashboardPage):
    """Reads the catalog when it is shown, and again whenever something of it changed."""

    def __init__(self, session: Session) -> None:
        super().__init__(session)
        self.book = CatalogBook(session)
        self.tree = ModelTree()
        self.detail = ModelDetail()
        self.side_by_side = SideBySide()
        self.history = UseHistory()
        self.search = QLineEdit()
        self.archived = QCheckBox("Archived")
        self.trash_button = QPushButton("Trash")
        self.free_button = QPushButton("Free space")
        self._disk = caption("", "muted")
        self._side = QStackedWidget()
        self._facts: CatalogFacts | None = None
        # What is selected once it is read; () keeps what is.
        self._wanted: tuple[str, ...] = ()
        self._lay_out()
        self.follow()
        self._connect()

    def _lay_out(self) -> None:
        self.search.setPlaceholderText("Name, tag or class")
        self.search.setAccessibleName("Search models")
        self.search.setClearButtonEnabled(True)
        self.search.setFixedWidth(220)
        self.archived.setToolTip("Show archived models too")
        for button in (self.trash_button, self.free_button):
            button.setMenu(QMenu(button))
        for widget in (self.detail, self.side_by_side, EmptyState(NOTHING)):
            self._side.addWidget(widget)
        foot = QHBoxLayout()
        foot.setSpacing(8)
        foot.addWidget(self._disk, 1)
        foot.addWidget(self.trash_button)
        foot.addWidget(self.free_button)
        left = QWidget()
        column = QVBoxLayout(left)
        column.setContentsMargins(0, 0, 16, 0)
        column.setSpacing(12)
        column.addWidget(self.tree, 1)
        column.addWidget(self.history)
        column.addLayout(foot)
        splitter = QSplitter(Qt.Orientation.Horizontal)
        splitter.setChildrenCollapsible(False)
        splitter.addWidget(left)
        splitter.addWidget(self._side)
        splitter.setStretchFactor(0, 3)
        splitter.setStretchFactor(1, 2)
        splitter.setSizes([820, 460])
        placeholder = Placeholder(
            "No models yet",
            "Import one (Model > Import a model…), or train one: `segstudio train -e SPEC`.",
        )
        self.lay_out("Models", [self.search, self.archived], splitter, placeholder)
        # Who comes to the page stands on the models, not in a field that takes all letters.
        QWidget.setTabOrder(self.tree, self.search)
        QWidget.setTabOrder(self.search, self.archived)

    def _connect(self) -> None:
        book, detail = self.book, self.detail
        self._session.predictions.models_changed.connect(self.refresh)
        # The window may be closed, or another folder opened, while somebody writes.
        self._session.closing.connect(detail.commit)
        book.moved.connect(self._moved)
        self.tree.chosen.connect(self._show_chosen)
        self.search.textChanged.connect(lambda _: self._show_tree())
        self.archived.toggled.connect(lambda _: self._show_tree())
        self.history.back_asked.connect(book.roll_back)
        detail.renamed.connect(lambda new: book.rename(self._name(), new))
        detail.tagged.connect(lambda words: book.tag(self._name(), words))
        detail.noted.connect(lambda text: book.write(self._name(), text))
        detail.archive_asked.connect(lambda archived: book.archive(self._name(), archived))
        detail.use_asked.connect(lambda: book.use(self._shown()))
        detail.delete_asked.connect(lambda: book.delete(self._shown()))
        detail.export_asked.connect(lambda: self._session.export_asked.emit(self._name()))
        detail.compare_asked.connect(lambda: self._session.comparison_asked.emit(self._name()))
        detail.evaluate_asked.connect(self._session.evaluate)
        detail.spec_asked.connect(self._read_spec)

    def _shown(self) -> ModelFacts:
        assert self.detail.facts is not None, "what asks is shown with a model"
        return self.detail.facts

    def _name(self) -> str:
        return self._shown().name

    def _changed(self, changes: Changes) -> None:
        if changes.scores or changes.model:
            self.refresh()

    def _moved(self, name: str) -> None:
        """What was renamed stays selected."""
        self._wanted = (name,) if name else ()
        self.refresh()

    def show_contents(self) -> None:
        """Reads the catalog."""
        project = self._session.project

        def work(context: JobContext) -> Contents:
            return Contents(read_catalog(project, context), disk_use())

        self.read(work, self._show)

    def _show(self, contents: Contents) -> None:
        facts = self._facts = contents.facts
        self.book.promoted = facts.promotions[0].model if facts.promotions else ""
        self.show_placeholder(not facts.models and not facts.trash)
        self.history.show_history(facts.promotions)
        self._show_disk(contents)
        self._show_tree()
        if self._wanted:
            wanted, self._wanted = self._wanted, ()
            self.tree.select(wanted)

    def _show_tree(self) -> None:
        if self._facts is None:
            return
        self.tree.show_models(
            self._facts, self.book.used, archived=self.archived.isChecked(), words=self.search.text()
        )

    def _show_chosen(self) -> None:
        facts = self._facts
        known = {one.name: one for one in facts.models} if facts is not None else {}
        chosen = [known[name] for name in self.tree.names() if name in known]
        if len(chosen) == 2:
            self.side_by_side.show_comparison(compare_models(*chosen))
            self._side.setCurrentWidget(self.side_by_side)
        elif len(chosen) == 1:
            self.detail.show_model(chosen[0], self.book.used)
            self._side.setCurrentWidget(self.detail)
        else:
            self._side.setCurrentIndex(2)

    def _show_disk(self, contents: Contents) -> None:
        disk, trash = contents.disk, contents.facts.trash
        models = sum(sum(kinds.values()) for kinds in disk.models.values())
        caches = sum(disk.caches.values())
        sizes = {
            Freeable.CACHES: caches,
            Freeable.TRASH: disk.trash,
            Freeable.EXPORTS: sum(disk.old_exports.values()),
        }
        self._disk.setText(
            f"Models {size_text(models)}, compiled {size_text(caches)}, exports {size_text(disk.exports)},"
            f" trash {size_text(disk.trash)}"
        )
        menu = self.trash_button.menu()
        menu.clear()
        # Taking one back takes the last that was deleted under its name.
        for name, count in Counter(one.name for one in trash).items():
            more = f" (the last of {count})" if count > 1 else ""
            menu.addAction(f"Take {name} back{more}", partial(self.book.restore, name))
        self.trash_button.setText(f"Trash ({len(trash)})" if trash else "Trash")
        self.trash_button.setEnabled(bool(trash))
        menu = self.free_button.menu()
        menu.clear()
        for what, size in sizes.items():
            if size:
                act = partial(self.book.free, what)
                if what is Freeable.EXPORTS:
                    act = partial(self.book.discard_exports, tuple(disk.old_exports))
                menu.addAction(f"{FREE[what]}: {size_text(size)}", act)
        self.free_button.setEnabled(any(sizes.values()))

    def _read_spec(self) -> None:
        facts = self._shown()
        path = facts.spec_file or facts.entry.folder / FILE

        def show(text: str) -> None:
            if self.detail.facts is not None and self.detail.facts.name == facts.name:
                self.detail.spec.setPlainText(text)

        self.read(lambda _: spec_text(path), show, "spec")


def spec_text(path: Path) -> str:
    """A spec as it stands in its file, under the file's name; why, where it cannot be read."""
    try:
        return f"# {path.name}\n{path.read_text(encoding='utf-8', errors='replace')}"
    except OSError as error:
        return f"# {path.name} cannot be read: {error.strerror}"
