"""What is said exactly is told from what is said otherwise, in the many ways in which people write figures, and nothing else is."""

from __future__ import annotations

import pytest

from citewell.generate.verification.alignment import align
from citewell.generate.verification.quantities import amounts_of
from citewell.generate.verification.uniform import uniform

SAID = "The hall {}."


@pytest.mark.parametrize(
    ("stated", "claimed"),
    [
        ("is kept at -18 °C", "is kept at 18 °C"),
        ("lost 300 euros", "lost -300 euros"),
        ("runs version 2.0.1", "runs version 2.0.3"),
        ("has the address 192.168.0.1", "has the address 192.168.0.9"),
        ("holds 1.234.567 books", "holds 1.234.765 books"),
        ("needs .5 mg of oil", "needs 5 mg of oil"),
        ("takes 1½ cups", "takes 1 cup"),
        ("mixes them 3:1", "mixes them 1:3"),
        ("is open from 9:30 to 17:00", "is open from 9:00 to 17:30"),
        ("is open from 9:30 to 17:00", "is open from 17:00 to 9:30"),
        ("opens at 8:15 in the morning", "opens at 8:15 in the evening"),
        ("has 12,345 seats", "has 12,354 seats"),
        ("is 37.2 metres long", "is 37.3 metres long"),
        ("has paid 99.9 percent", "has paid 99.5 percent"),
        ("is 95 km away", "is more than 100 km away"),
        ("takes at least 30 days", "takes at most 30 days"),
        ("needs 5 MW", "needs 5 mW"),
        ("stores 3 MB", "stores 3 Mb"),
        ("costs 250 € a day", "costs 250 $ a day"),
        ("costs USD 20 a day", "costs EUR 20 a day"),
        ("rose from 20 to 25 metres", "rose from 25 to 20 metres"),
        ("is old; adults pay 9 euros, and children pay 4 euros", "is old; children pay 9 euros"),
        ("earned $7 million in 2019 and $5 million in 2020", "earned $5 million in 2019 and $7 million in 2020"),
        ("opens in Austria", "opens in Australia"),
        ("opens in Niger", "opens in Nigeria"),
        ("is free except on Sundays", "is free on Sundays"),
        ("must be locked", "may be locked"),
        ("dauert drei Wochen", "dauert vier Wochen"),
        ("ist montags zu", "ist dienstags zu"),
        ("wurde am 3. März 2019 gebaut", "wurde am 3. Mai 2019 gebaut"),
        ("kostet 2,5 Millionen Euro", "kostet 2,5 Milliarden Euro"),
        ("takes 1 hour 30 minutes", "takes 1 hour"),
        ("is not heated, and its large doors are locked", "is heated, and its small doors are locked"),
    ],
)
def test_what_differs_is_found(stated: str, claimed: str) -> None:
    assert align(SAID.format(claimed), SAID.format(stated)).findings


@pytest.mark.parametrize(
    ("stated", "claimed"),
    [
        ("is kept at −18 °C", "is kept at minus 18 °C"),
        ("is kept at 68 °F", "is kept at 20 °C"),
        ("holds 80 331 books", "holds 80,331 books"),
        ("holds 12'500 books", "holds 12,500 books"),
        ("holds 1.500 Liter", "holds 1500 Liter"),
        ("costs 14,50 €", "costs €14.50"),
        ("kostet 1.500 €", "kostet 1500 €"),
        ("costs USD 5 million", "costs $5 million"),
        ("closes at 15:00", "closes at 3 pm"),
        ("closes at 12:00", "closes at noon"),
        ("closes at 6:30", "closes at 6:30 p.m."),
        ("takes 90 minutes", "takes 1 hour 30 minutes"),
        ("takes two and a half hours", "takes 2.5 hours"),
        ("takes 2.50 h", "takes 150 minutes"),
        ("öffnet um 15.30 Uhr", "öffnet um 15:30"),
        ("takes between 5 and 10 minutes", "takes 5 minutes to 10 minutes"),
        ("has 105 seats", "has more than 100 seats"),
        ("takes up to 200 litres", "takes no more than 200 litres"),
        ("is 5 miles away", "is 8 km away"),
        ("has 12,345 metres of pipe", "has 12,300 metres of pipe"),
        ("is two thirds full", "is 67 percent full"),
        ("is on Rule 12, which may be waived", "is on Rule 12"),
        ("was built on 2019-03-03T10:00", "was built on 3 March 2019"),
        ("wurde am 03.03.2019 gebaut", "wurde am 3. März 2019 gebaut"),
        ("belongs to an Austrian", "belongs to Austria"),
        ("is not allowed to move", "is prohibited to move"),
        ("kostet 2,5 Millionen Euro", "kostet 2500000 Euro"),
        ("is old; adults pay 9 euros, and children pay 4 euros", "is old; children pay 4 euros"),
        ("earned $7 million in 2019 and $5 million in 2020", "earned $5 million in 2020 and $7 million in 2019"),
    ],
)
def test_what_says_the_same_is_not(stated: str, claimed: str) -> None:
    assert align(SAID.format(claimed), SAID.format(stated)).findings == ()


@pytest.mark.parametrize(
    "text", ["7" * 400, "hundred " * 400, "dozen " * 400, "9" * 300 + " trillion", "1/0", "25:99", "½", "-", "minus"]
)
def test_any_figures_are_read(text: str) -> None:
    amounts_of(text)
    uniform(text)
    align(f"It is {text}.", f"It is {text}.")


def test_months_keep_their_names() -> None:
    assert uniform("2019-10-03 and December 2020") == "3 October 2019 and December 2020"
    assert uniform("am 3. März 2019") == "am 3 March 2019"
