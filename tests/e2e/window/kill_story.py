"""What a process that is killed said of one sample before, and the masks that must then be found."""

from dataclasses import dataclass, field


@dataclass
class Story:
    """What the child said about one sample: its final masks, and one that may have become final.

    Attributes:
        begun: checksum of the mask as it was found.
        final: checksums of masks that were made, in order.
        about: that of a mask that may have been made.
        empty: that of an unlabelled mask where a version may hold one.
    """

    begun: int
    final: list[int] = field(default_factory=list)
    about: int | None = None
    empty: int | None = None

    @property
    def newest(self) -> set[int]:
        """Checksums of masks that lose at most the current step."""
        last = self.final[-1] if self.final else self.begun
        return {last} if self.about is None else {last, self.about}

    @property
    def all(self) -> set[int]:
        """Checksums of every mask that a save or a version could hold."""
        found = {self.begun, *self.final, *self.newest}
        return found if self.empty is None else found | {self.empty}
