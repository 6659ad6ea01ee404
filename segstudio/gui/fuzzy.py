"""How well typed words fit a text: from the whole text over word starts down to letters in order."""

# Texts are shorter than this; of letters found in order, the closer ones are meant.
LONG = 1000
EXACT, START, WORD_START, INSIDE, LETTERS = range(5)


def fit(typed: str, text: str) -> float | None:
    """The cost of finding what was typed in a text, 0 for the text itself; None where it does not fit.

    Every typed word must be found: at the start, at the start of a word, inside, or as letters in order of
    which the first starts a word ("arlb" finds "Add relabel"). Letters far apart cost more.
    """
    typed, text = typed.casefold().strip(), text.casefold()
    if typed == text:
        return EXACT
    if typed and text.startswith(typed):
        return START
    costs = [_word(word, text) for word in typed.split()]
    if any(cost is None for cost in costs):
        return None
    return max((cost for cost in costs if cost is not None), default=EXACT)


def _word(word: str, text: str) -> float | None:
    place = text.find(word)
    while place > 0 and text[place - 1].isalnum():
        later = text.find(word, place + 1)
        if later < 0:
            return INSIDE
        place = later
    if place >= 0:
        return WORD_START
    return _letters(word, text)


def _letters(word: str, text: str) -> float | None:
    best: float | None = None
    for start, letter in enumerate(text):
        if letter != word[0] or (start and text[start - 1].isalnum()):
            continue
        place = start
        for wanted in word[1:]:
            place = text.find(wanted, place + 1)
            if place < 0:
                break
        else:
            cost = LETTERS + (place - start) / LONG
            best = cost if best is None else min(best, cost)
    return best
