"""Keys by their place on the keyboard and not by what they type: which class slot, and which key it is."""

from dataclasses import dataclass

SLOTS_PER_ROW = 10

# Codes of the keys 1, 2, ... 9, 0 of the top row. X11 and Wayland: evdev code + 8. Windows: scan code.
# macOS reports no scan code, so its virtual key codes stand in.
_EVDEV = tuple(range(10, 20))
_WINDOWS = tuple(range(2, 12))
_MACOS = (18, 19, 20, 21, 23, 22, 26, 28, 25, 29)
# Without a code (synthetic events, remote desktops) the character decides; these are the US ones.
DIGITS, SHIFTED_DIGITS = "1234567890", "!@#$%^&*()"
SIGNS, SHIFTED_SIGNS = "`-=[]\\;',./", '~_+{}|:"<>?'
_UNSHIFTED = {
    ord(shifted): ord(key)
    for key, shifted in zip(DIGITS + SIGNS, SHIFTED_DIGITS + SHIFTED_SIGNS, strict=True)
}


@dataclass(frozen=True)
class KeyPress:
    """What Qt tells of a key, as plain numbers."""

    platform: str
    scan_code: int
    virtual_key: int
    key: int
    shift: bool


def class_slot(press: KeyPress) -> int | None:
    """The slot 0-19 of a digit key (1 is slot 0, 0 is slot 9, Shift adds 10), or None for other keys."""
    place = _place(press)
    if place is None:
        return None
    return place + SLOTS_PER_ROW * press.shift


def key_place(press: KeyPress) -> tuple[str, int]:
    """What a key that is held keeps while Shift comes and goes, which turns "\\" into "|"."""
    if press.platform == "cocoa":
        return "virtual", press.virtual_key
    if press.scan_code:
        return "scan", press.scan_code
    return "key", _UNSHIFTED.get(press.key, press.key)


def slot_text(slot: int) -> str:
    """How a slot's key is written: "1" to "0", then "⇧1" to "⇧0"; "" beyond the keys."""
    if not 0 <= slot < 2 * SLOTS_PER_ROW:
        return ""
    row, place = divmod(slot, SLOTS_PER_ROW)
    return ("⇧" if row else "") + DIGITS[place]


def _place(press: KeyPress) -> int | None:
    if press.platform in ("xcb", "wayland") and press.scan_code:
        return _find(_EVDEV, press.scan_code)
    if press.platform == "windows" and press.scan_code:
        return _find(_WINDOWS, press.scan_code)
    if press.platform == "cocoa":
        return _find(_MACOS, press.virtual_key)
    character = chr(press.key) if 0 < press.key < 128 else ""
    if character and character in DIGITS:
        return DIGITS.index(character)
    return SHIFTED_DIGITS.index(character) if character and character in SHIFTED_DIGITS else None


def _find(codes: tuple[int, ...], code: int) -> int | None:
    return codes.index(code) if code in codes else None
