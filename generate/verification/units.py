"""Units of amounts: the words and signs by which they are written, and what one of each is in the first of its dimension."""

from __future__ import annotations

import re

# Unit words by dimension, each with what one of them is in the first of its dimension.
_UNITS: dict[str, tuple[str, float]] = {}
for _line in """
length m:1 metre:1 meter:1 km:1000 kilometre:1000 kilometer:1000 cm:.01 centimetre:.01 centimeter:.01 mm:.001 millimetre:.001 millimeter:.001 mile:1609.344 mi:1609.344 foot:.3048 feet:.3048 ft:.3048 inch:.0254 inches:.0254 yard:.9144 nm:1e-9 µm:1e-6 μm:1e-6 micrometre:1e-6
mass g:1 gram:1 gramme:1 kg:1000 kilogram:1000 kilogramme:1000 mg:.001 milligram:.001 µg:1e-6 μg:1e-6 mcg:1e-6 microgram:1e-6 tonne:1e6 ton:907185 lb:453.592 lbs:453.592 pound_mass:453.592 ounce:28.3495 oz:28.3495
time second:1 sec:1 minute:60 min:60 hour:3600 hr:3600 hrs:3600 h:3600 day:86400 week:604800 month:2629800 year:31557600 yr:31557600 yrs:31557600 minuten:60 stunde:3600 stunden:3600 heure:3600 hora:3600 tag:86400 tage:86400 tagen:86400 jour:86400 día:86400 woche:604800 wochen:604800 semaine:604800 semana:604800 monat:2629800 monate:2629800 monaten:2629800 mois:2629800 mes:2629800 meses:2629800 jahr:31557600 jahre:31557600 jahren:31557600 año:31557600 decade:315576000 century:3155760000 centuries:3155760000 ms:.001 millisecond:.001
share %:.01 percent:.01 per_cent:.01 ‰:.001 per_mille:.001 prozent:.01 permille:.001
points percentage_point:1
data byte:1 kb:1e3 kilobyte:1e3 mb:1e6 megabyte:1e6 gb:1e9 gigabyte:1e9 tb:1e12 terabyte:1e12 kib:1024 mib:1048576 gib:1073741824
bits bit:1 kbit:1e3 mbit:1e6 gbit:1e9 kbps:1e3 mbps:1e6 gbps:1e9
volume l:1 litre:1 liter:1 ml:.001 millilitre:.001 milliliter:.001 gallon:3.78541
area hectare:10000 ha:10000 acre:4046.86 square_metre:1 square_meter:1 square_kilometre:1e6 square_kilometer:1e6 km²:1e6 m²:1 square_mile:2589988
celsius °c:1 degrees_celsius:1 celsius:1
fahrenheit °f:1 degrees_fahrenheit:1 fahrenheit:1
kelvin k_:1 kelvin:1
speed km/h:1 kph:1 kilometre_per_hour:1 kilometres_per_hour:1 kilometer_per_hour:1 kilometers_per_hour:1 mile_per_hour:1.609344 miles_per_hour:1.609344 mph:1.609344 m/s:3.6 knot:1.852
power w:1 watt:1 kw:1e3 kilowatt:1e3 mw:1e6 megawatt:1e6 gw:1e9 gigawatt:1e9
energy j:1 joule:1 kj:1000 kwh:3600000 kcal:4184 calorie:4184
voltage v:1 volt:1 mv:.001 kv:1000
frequency hz:1 hertz:1 khz:1e3 mhz:1e6 ghz:1e9
pressure pa:1 kpa:1000 mpa:1e6 bar:100000 psi:6894.76
dollar dollar:1 usd:1 cent:.01
euro euro:1 eur:1
pound gbp:1 pound:1 sterling:1
yen yen:1
franc franc:1 chf:1
token token:1
""".strip().splitlines():
    _dimension, *_names = _line.split()
    for _name in _names:
        _word, _, _factor = _name.rpartition(":")
        _UNITS[_word.replace("_", " ").strip()] = (_dimension, float(_factor))
_SIGNS = {"$": "dollar", "€": "euro", "£": "pound", "¥": "yen"}
_UNIT = re.compile(
    rf"[\s-]?({'|'.join(sorted((re.escape(name) + ('s?' if name[-1].isalpha() and len(name) > 2 else '') for name in _UNITS), key=len, reverse=True))})(?![\w/])",
    re.I,
)
# What differs in nothing but the size of its letters.
_BY_CASE = {
    "mW": ("power", 1e-3), "MW": ("power", 1e6), "mV": ("voltage", 1e-3), "MV": ("voltage", 1e6), "mPa": ("pressure", 1e-3), "MPa": ("pressure", 1e6),
    "mHz": ("frequency", 1e-3), "MHz": ("frequency", 1e6), "Mb": ("bits", 1e6), "Gb": ("bits", 1e9), "MB": ("data", 1e6), "GB": ("data", 1e9),
    "MBps": ("data rate", 1e6), "GBps": ("data rate", 1e9), "Mbps": ("bits", 1e6), "Gbps": ("bits", 1e9),
}  # fmt: skip
_SIGN_AFTER = re.compile(r"\s?([$€£¥])(?!\w)")
_SIGN_BEFORE = re.compile(r"(?:([$€£¥])|\b(USD|EUR|GBP|CHF|JPY))\s?$")
_CODES = {"USD": "dollar", "EUR": "euro", "GBP": "pound", "CHF": "franc", "JPY": "yen"}
CURRENCIES = frozenset(_CODES.values())
POUND_G = 453.592


def unit_at(text: str, at: int) -> tuple[str, float, int, str] | None:
    """The unit that follows the character `at`: its dimension, what one is in the first of that, where it ends, and its word; None for none."""
    match = _UNIT.match(text, at)
    if match is None:
        return None
    name = match[1].casefold()
    known = _BY_CASE.get(match[1]) or _UNITS.get(name) or _UNITS.get(name.removesuffix("s"))
    return (*known, match.end(), name) if known else None


def currency_around(text: str, start: int, end: int) -> tuple[str, int, int] | None:
    """The currency whose sign or code stands right before [start, end) or after it, and the span with it; None for none."""
    if before := _SIGN_BEFORE.search(text, max(0, start - 5), start):
        return _SIGNS[before[1]] if before[1] else _CODES[before[2]], before.start(), end
    after = _SIGN_AFTER.match(text, end)
    return (_SIGNS[after[1]], start, after.end()) if after else None
