"""Check digits of numbers that identify people and accounts. Each takes digits (and letters, where the number has them) without separators."""

from __future__ import annotations

from collections.abc import Sequence

_VERHOEFF_TIMES = (
    (0, 1, 2, 3, 4, 5, 6, 7, 8, 9), (1, 2, 3, 4, 0, 6, 7, 8, 9, 5), (2, 3, 4, 0, 1, 7, 8, 9, 5, 6),
    (3, 4, 0, 1, 2, 8, 9, 5, 6, 7), (4, 0, 1, 2, 3, 9, 5, 6, 7, 8), (5, 9, 8, 7, 6, 0, 4, 3, 2, 1),
    (6, 5, 9, 8, 7, 1, 0, 4, 3, 2), (7, 6, 5, 9, 8, 2, 1, 0, 4, 3), (8, 7, 6, 5, 9, 3, 2, 1, 0, 4),
    (9, 8, 7, 6, 5, 4, 3, 2, 1, 0),
)  # fmt: skip  # multiplication in the dihedral group of ten elements: Verhoeff 1969
_VERHOEFF_TURN = (1, 5, 7, 6, 2, 8, 3, 0, 9, 4)


def weighed(digits: str, weights: Sequence[int]) -> int:
    """The sum of each digit times its weight."""
    return sum(int(digit) * weight for digit, weight in zip(digits, weights, strict=True))


def luhn(digits: str) -> bool:
    """Payment cards: every second digit from the right doubled, its digits added; a multiple of ten (ISO/IEC 7812-1, annex B)."""
    backwards = [int(digit) for digit in reversed(digits)]
    return (sum(backwards[::2]) + sum(sum(divmod(2 * digit, 10)) for digit in backwards[1::2])) % 10 == 0


def mod_97_10(text: str) -> bool:
    """IBAN: the first four characters put last, letters as 10 to 35; the number leaves 1 when divided by 97 (ISO/IEC 7064)."""
    return int("".join(str(int(character, 36)) for character in text[4:] + text[:4])) % 97 == 1


def mod_11_10(digits: str) -> bool:
    """German tax numbers: the hybrid system MOD 11,10 of ISO/IEC 7064, the check digit last."""
    product = 10
    for digit in digits[:-1]:
        product = ((int(digit) + product) % 10 or 10) * 2 % 11
    return (11 - product) % 10 == int(digits[-1])


def verhoeff(digits: str) -> bool:
    """Aadhaar: Verhoeff's scheme, the check digit last."""
    check, turned = 0, list(range(10))
    for digit in reversed(digits):
        check = _VERHOEFF_TIMES[check][turned[int(digit)]]
        turned = [_VERHOEFF_TURN[value] for value in turned]
    return check == 0


def ean(digits: str) -> bool:
    """Article and Swiss insurance numbers: weights 1 and 3 in turn, from the right; a multiple of ten."""
    return sum(int(digit) * (3 if at % 2 else 1) for at, digit in enumerate(reversed(digits))) % 10 == 0


def cpf(digits: str) -> bool:
    """Brazilian CPF: two check digits modulo 11 with weights 10 to 2 and 11 to 2."""
    if len(set(digits)) == 1:
        return False
    sums = (weighed(digits[:9], range(10, 1, -1)), weighed(digits[:10], range(11, 1, -1)))
    return all(str(total * 10 % 11 % 10) == digit for total, digit in zip(sums, digits[9:], strict=True))


def resident(text: str) -> bool:
    """Chinese resident identity: ISO/IEC 7064 MOD 11-2 over 17 digits, the check character 0 to 9 or X."""
    total = sum(int(digit) * pow(2, 17 - at, 11) for at, digit in enumerate(text[:17]))
    return "10X98765432"[total % 11] == text[17].upper()


def isbn(text: str) -> bool:
    """ISBN-10 (modulo 11, X for ten) or ISBN-13 (EAN with 978 or 979)."""
    if len(text) == 13:
        return text.isdecimal() and text.startswith(("978", "979")) and ean(text)
    if len(text) != 10 or not text[:9].isdecimal() or not (text[9].isdecimal() or text[9] in "xX"):
        return False
    return (
        sum((10 if c in "xX" else int(c)) * weight for c, weight in zip(text, range(10, 0, -1), strict=True)) % 11 == 0
    )
