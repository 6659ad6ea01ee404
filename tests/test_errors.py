"""How problems are said: as sentences, each with one end."""

import pytest

from segstudio.errors import SpecError, in_sentences, sentence


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("did you mean 'max_steps'?", "Did you mean 'max_steps'?"),
        ("use a smaller batch", "Use a smaller batch."),
        ("it is full.", "It is full."),
        ("frame_1.png is no image", "frame_1.png is no image."),
        ("", ""),
    ],
)
def test_a_sentence_has_a_capital_and_one_end(text: str, said: str) -> None:
    assert sentence(text) == said


def test_message_and_hint_are_two_sentences() -> None:
    message, hint = "spec: unknown key 'studio.max_stepz'", "did you mean 'max_steps'?"
    said = "Spec: unknown key 'studio.max_stepz'. Did you mean 'max_steps'?"
    assert in_sentences(message, hint) == said
    assert str(SpecError(message, hint=hint)).endswith("'. did you mean 'max_steps'?")
    assert in_sentences("no space", between="\n") == "No space."
