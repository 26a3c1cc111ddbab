"""Tables and numbers in words for the test set of `alterations.py`; like it, they share no code with the verifier that they judge."""

from __future__ import annotations

import random
import re
from collections.abc import Iterable

ALTERED = ("number", "date", "unit", "name", "negation")
FAITHFUL = ("number_words", "date_format", "clauses", "synonyms")
PASSAGE_CHARS = 900
FAITHFUL = ("number_words", "date_format", "clauses", "synonyms")
Edit = tuple[int, int, str]  # the stretch of a sentence from start to end, and what is to stand there


def _words(text: str) -> list[str]:
    return text.split()


# fmt: off
MONTHS = _words("January February March April May June July August September October November December")
WEEKDAYS = _words("Monday Tuesday Wednesday Thursday Friday Saturday Sunday")
ONES = _words("zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen seventeen eighteen nineteen")
TENS = _words("zero ten twenty thirty forty fifty sixty seventy eighty ninety")
SCALES = {"thousand": 10**3, "million": 10**6, "billion": 10**9, "trillion": 10**12}
ORDINALS = {"one": "first", "two": "second", "three": "third", "five": "fifth", "eight": "eighth", "nine": "ninth", "twelve": "twelfth"}
RATES = _words("second minute hour day week month year")
PERIODS = "hourly daily weekly monthly quarterly annually|daily weekly monthly annual|daily weekly monthly yearly"
ABBREVIATIONS = _words("mr mrs ms dr st sr jr vs etc e.g i.e no nos fig al prof gen gov sen rep col lt sgt capt rev hon inc ltd co corp ca c cf vol pp p ed eds jan "
                       "feb mar apr jun jul aug sep sept oct nov dec approx dept est mt ft u.s u.k u.n d.c a.m p.m ph.d b.c a.d u.s.a bros")
OPENERS = _words("The A An He She It They We You This These That Those His Her Its Their There Some Many Most Several All Both Each Two Three In On At By For From With "
                 "During After Before Since Until While When Where Although Though Because As If To Of And But Or Nor So Yet Not No My Our Your Then Thus However Also "
                 "Another Other One First Second Later Early Under Over Between Among Within Without Through Despite Unlike Like Such What Who Which Why How Only Even "
                 "Once Here Now Today More Less Every Any Few Much Further Use Using Note See")
NO_NAMES = [*OPENERS, *MONTHS, *WEEKDAYS, *_words("AD BC CE BCE Mr Mrs Ms Dr God I II III IV TV CD DVD FM AM PM Lt Col Gen Capt Sgt Rev Sir Lord Saint St Hon Mondays Fridays Saturdays Sundays I")]
GIVEN = "John James William Robert Charles George Thomas Henry David Richard Edward Paul Peter Michael|Mary Elizabeth Anna Margaret Sarah Jane Catherine Alice"
ALIASES = ("us u.s usa united america american states", "uk britain british england english great kingdom", "soviet ussr russia russian moscow", "holland netherlands dutch",
           "rome roman vatican catholic pope papal", "france french paris", "germany german berlin", "china chinese beijing")
# Each ladder runs from small to large, so that a bound ("at least 10 days") is never weakened into something that still follows.
LADDERS = """second minute hour day week month year decade|seconds minutes hours days weeks months years decades centuries|millimeters centimeters inches feet meters kilometers miles|millimetres centimetres metres kilometres miles
inch foot meter kilometer mile|mm cm ft m km mi|feet yards miles|metre kilometre mile|mg g kg|mg lb kg|grams pounds kilograms tonnes|ounces pounds tons|ounce pound ton|acres hectares|KB MB GB TB
bytes kilobytes megabytes gigabytes terabytes|Hz kHz MHz GHz|W kW MW GW|kV MV|milliseconds seconds minutes|thousand million billion trillion|cents dollars|milliliters liters gallons|millilitres litres|characters tokens pages
°F °C|°F K|nM μM mM|nm μm mm|µg mg g|μg mg g|ng mg g|ml l|mph knots|km/h m/s|kilowatts megawatts gigawatts|calories kilocalories|euros dollars pounds"""
POLARITY = """increased/decreased increases/decreases increasing/decreasing increase/decrease rose/fell rises/falls higher/lower highest/lowest largest/smallest larger/smaller longest/shortest longer/shorter oldest/youngest earliest/latest
allowed/barred allows/forbids permitted/prohibited legal/illegal possible/impossible included/excluded includes/excludes including/excluding before/after always/never won/lost accepted/rejected supported/opposed
supports/opposes enabled/disabled enable/disable majority/minority maximum/minimum northern/southern eastern/western inside/outside above/below upper/lower successful/unsuccessful successfully/unsuccessfully common/uncommon
important/unimportant similar/dissimilar improved/worsened strengthened/weakened strong/weak wealthy/poor visible/invisible public/private necessary/unnecessary appeared/disappeared expanded/shrank gained/lost
encouraged/discouraged encourages/discourages approved/rejected indoor/outdoor male/female directly/indirectly ancient/modern permanent/temporary internal/external best/worst better/worse faster/slower often/rarely
frequently/rarely win/lose hot/cold warm/cold wet/dry native/foreign upstream/downstream started/ended begins/ends began/ended reduces/raises reduced/raised formal/informal voluntary/compulsory stronger/weaker
positive/negative sufficient/insufficient effective/ineffective able/unable likely/unlikely south/north north/south east/west west/east everything/nothing many/few"""
SYNONYMS = r"""began=started;begins=starts;largest=biggest;located (?=in |at |on |near |between )=situated ;approximately=about;approximately=roughly;numerous=many;purchased=bought;(?:is|are) able to=can;in order to=to
due to (?!be |the fact)=because of ;however,=nevertheless,;also known as=also called;for example=for instance;in addition,=moreover,;additionally,=in addition,;furthermore,=moreover,;prior to=before;assisted=helped
assists=helps;frequently=often;permitted=allowed;permits=allows;utili[sz]ed=used;utili[sz]es=uses;utili[sz]ing=using;commenced=began;primarily=mainly;primarily=chiefly;mostly=mainly;almost=nearly
nearly (?=all|every|\d)=almost ;currently=at present;sufficient=enough;(?<=\bthe )entire=whole;attempted to=tried to;(?<!'s )(?<!s' )(?<!the )(?<!eir )(?<!is )attempts to=tries to;attempting to=trying to;(?<!ve )(?<!ad )(?<!as )demonstrated that=showed that
demonstrates that=shows that;rapidly=quickly;rapidly=swiftly;quickly=swiftly;subsequently=later;consists of=is made up of;consist of=are made up of;consisted of=was made up of;is composed of=consists of
are composed of=consist of;became known as=came to be called;is known as=is called;was known as=was called;are known as=are called;were known as=were called;(?<=is |re )referred to as=called;throughout the=all through the
(?<!even )although=though;even though=although;whereas=while;(?<!as )close to (?=the |a )=near ;constructed=built;constructing=building;(?<=was |ere )founded (?=in |by )=established ;was established in=was founded in
(?<!world )famous=well-known;well known=famous;difficult=hard;entirely=wholly;completely=totally;immediately after=right after;typically=usually;(?<!more )(?<!less )commonly=often;especially=particularly;initially=at first
eventually=in the end;nevertheless=nonetheless;therefore=for this reason;thus=hence;consequently=as a result;remained=stayed;remains (?=a |an |the )=is still ;chose=picked;stated that=said that;states that=says that
argued that=contended that;believed that=thought that;believe that=think that;claimed that=asserted that;claims that=asserts that;despite=in spite of;in spite of=despite;regarding=concerning;with regard to=regarding
via=by way of;amongst=among;whilst=while;upon=on;twice as=two times as;(?<=n )additional=extra;requires (?=a |an |the )=needs ;ensures that=makes sure that;ensure that=make sure that;enables=allows;provided by=supplied by
various=several different;several=a number of;the majority of=most of;most of the=the majority of the;a variety of=a range of;a wide range of=a broad range of;a wide variety of=a great variety of;during the course of=during
at the end of=at the close of;at the beginning of=at the start of;as a result of=because of;took place=happened;takes place=happens;take place=happen;led to=resulted in;leads to=results in;lead to=result in;resulted in=led to
results in=leads to;comprises=consists of;resides in=lives in;resided in=lived in;passed away=died;wealthy=rich;huge=enormous;enormous=huge;tiny=very small;vast majority=great majority;vast (?=\w+ )=immense ;crucial=essential
vital=essential;(?<=a )large number of=great number of;a great deal of=a lot of;most likely=probably;in fact=indeed;in particular,=particularly,;in contrast,=by contrast,;on the other hand,=by contrast,
around the world=across the world;throughout the world=all over the world;at the same time=simultaneously;in total=altogether;more than (?=\d)=over ;over (?=\d[\d,.]* [a-z])=more than ;less than (?=\d)=under ;every year=each year;each year=every year;every day=each day;annually=every year;in recent years=recently;made up of=composed of;near the=close to the;seeks to=aims to;sought to=tried to;depends on=hinges on
(?<=is |as |re )considered (?=a |an |the |one )=regarded as ;create a=make a;creates a=makes a;larger=bigger;make use of=use;makes use of=uses;previously=formerly;formerly=previously;is situated=is located
was situated=was located;similar to=much like;in the vicinity of=near;not able to=unable to;has the ability to=is able to;have the ability to=are able to;in which=where;a large amount of=a great deal of
a lot of=a great deal of;refers to=denotes;assistance=help;towards=toward;all of the=all the;with the exception of=except for;as long as=provided that;in the event that=if;owing to=because of;is often=is frequently
are often=are frequently;was often=was frequently;were often=were frequently;are usually=are normally;is usually=is normally;shortly after=soon after;gave rise to=caused;gives rise to=causes;caused by=brought about by
a majority of=most;each of the=every one of the;residents=inhabitants;physicians=doctors;automobile=car;automobiles=cars;wrote that=noted that;nowadays=today;occurred=happened;occurs=happens;occur=happen;obtain=get
beneath=under;illness=sickness;error=mistake;errors=mistakes;inexpensive=cheap;renowned=famous;residence=home;worldwide=around the world;simultaneously=at the same time;gradually=little by little;film=movie"""
_M = "|".join(MONTHS)
_N = "|".join(sorted(ONES[1:] + TENS[2:], key=len, reverse=True))
_BIG = "|".join(SCALES)
NUMBER = re.compile(
    r"(?<![\w.,:/#\-–—'’@^\[~$£€(+×])(?P<money>[$£€])?(?P<figure>\d{1,3}(?:,\d{3})+(?:\.\d+)?|\d+(?:\.\d+)?)"
    rf"(?P<scale> (?:{_BIG})\b)?(?P<mark>%| percent\b| per cent\b|(?:st|nd|rd|th)\b)?(?![\w:/°\]²³×'’]|[.,]\d|[–—]|-\d|-[A-Z]| ?[/×^])")
WORDS = re.compile(rf"(?<![\w\-])(?:{_N})(?:(?:[ -]| and )(?:{_N}|hundred|{_BIG}))*(?!\w)(?!-(?:{_N}|third|fold)|[ -](?:thirds?|quarters?|fifths?|hundreds|of them|dozen|of the|or\b|and a half|\(\d)|s\b)")
FRACTIONS = {"half of": "a third of", "one-third": "one-quarter", "one third": "one quarter", "two-thirds": "three-quarters", "two thirds": "three quarters",
             "a quarter of": "a third of", "a third of": "a quarter of", "twice": "three times", "doubled": "tripled"}
DAY = re.compile(
    rf"(?<![\w–—\-/])(?:(?P<m1>{_M}) (?P<d1>\d{{1,2}})(?:st|nd|rd|th)?(?!\d|[–—-]\d)(?:,? (?P<y1>\d{{4}})(?![\w–-]))?|(?P<d2>\d{{1,2}})"
    rf"(?:st|nd|rd|th)?(?: of)? (?P<m2>{_M})\b(?:,? (?P<y2>\d{{4}})(?![\w–-]))?|(?P<m3>{_M}),? (?P<y3>\d{{4}})(?![\w–-]))")
YEAR = re.compile(
    r"(?:(?<=\b[Ii]n )|(?<=\b[Bb]y )|(?<=\b[Ss]ince )|(?<=\buntil )|(?<=\b[Ff]rom )|(?<=\b[Dd]uring )|(?<=\b[Bb]efore )|(?<=\b[Aa]fter )|(?<=\bbetween )|(?<=\bearly )"
    r"|(?<=\blate )|(?<=\baround )|(?<=\d{4} and )|(?<=\d{4} to ))(1\d{3}|20[0-3]\d)(?![\w%°]|[–—\-/:]|[.,]\d)")
_TOKEN = r"(?:[A-ZÀ-Ý][a-zà-ÿ]+(?:[A-Z][a-z]+)?|[A-Z]{2,})"
NAME = re.compile(rf"(?<![\w\-–.&/@#'’]){_TOKEN}(?: (?:(?:of|of the|de|von|van) )?(?:{_TOKEN}|[A-Z]\.)(?![\w\-–&/]))*(?![\w\-–&/])")
BODY = re.compile(r"(?:University|College|Company|Council|Party|Army|Church|School|Association|Institute|Act|War|Empire|River|Street|Court| of .*)$")
DEMONYM = re.compile(r"\w+(?:ish|ese|(?<!Br)ian|can|ean|erman|oman|ench|utch|reek|iss|ist)(s?)$")
LOWER = re.compile(r"\b(?:at least|more than|over|exceed\w*|minimum of|above|greater than|not less than|beyond)\s+(?:a |an )?$", re.I)
UPPER = re.compile(r"\b(?:at most|less than|fewer than|under|up to|below|no more than|maximum of|within|as many as|no later than)\s+(?:a |an )?$", re.I)
VAGUE = re.compile(r"\b(?:about|approximately|around|nearly|almost|roughly|some|circa|estimated|close to|early|late|c\.)\s+(?:a |an )?$", re.I)
SPELLABLE = re.compile(  # where a number may be spelled out: not after a name, a label ("page 3") or the first half of a range
    r"(?:^|(?<![\w.'’-])(?!(?:page|chapter|section|articles?|number|no|step|version|table|figure|type|level|group|phase|part|volume|channel|route|grade"
    r"|day|week|line|stage|and|or|to|theater|base|through) )[a-z]+,? )$")
NOUN = re.compile(r" (?!(?:and|or|is|was|were|are|in|on|at|of|to|for|with|from|by|as|has|had|per|percent\w*)\b)[a-z]{3,}")
NO_INSERT = re.compile(r"\b(?:whether|some|many|several|few|various|often|sometimes|usually|may|might|or|not|no|never|only|neither|hardly|rarely|n't)\b|n['’]t", re.I)
INSERT = re.compile(
    r"\b(?:is|are|was|were|will|can|should|must|could|would|(?:has|have|had)(?= (?:\w+ed|been|become|made|won|taken|given|found|shown|seen|begun|grown|built)\b))"
    r"(?! (?:to|only|just|merely|simply|necessarily|always|all|more|the|he|she|it|they|we|you|probably|perhaps|also|both|either|as|that|in|then|there|this|these)\b)(?= [a-z])"
    r"(?! (?:\w+ ){0,4}(?:or|not|no|never|only)\b)")
REMOVE = re.compile(
    r"\b(?:(is|are|was|were|will|can|could|would|should|must|has|have|had|do|does|did) ?not|(is|are|was|were|would|should|has|have|had|do|does|did|ca|wo)n['’]t|(never|no longer))\b"
    r"(?= [a-z])(?! (?:only|just|merely|simply|necessarily|least|all|always|until|yet|so|more|less|fewer|as|even|be[ae]n? able|exceed|need|in)\b)")
NO_SWAP = re.compile(r"(?:\b(?:named|looked?|how|as|not|the [A-Z]\w+|shortly|soon|day|year|so|in|no|too|great|good|and|a|the most)|-|'s) $")
BUSY = re.compile(r"[,;:\"“”()–—?]|\b(?:that|which|who|whom|whose|when|where|while|because|although|but|if|as|or|since|until|than|so|whether|not|to|and|would|before|after)\b")
WHEN = rf"(?:(?:in|by|during|since) (?:(?:early|late|mid|the early|the late|the) )?(?:(?:{_M}) )?(?:1\d{{3}}|20\d\d)s?|on (?:{_M}) \d\d?, \d{{4}}|on \d\d? (?:{_M}) \d{{4}})"
VERB = r"\b(?:was|were|became|began|won|took|died|left|came|went|opened|moved|joined|debuted|visited|received|launched)"
SUBJECT = r"(?:the|an?|he|she|it|they|his|her|its|their|this|these|those|there|many|most|some|all|[A-Z]\w+)\b(?! of\b)"
JOINTS = "although|though|because|while|when|if|whereas"
PAIR = r"([A-Z][a-z]+(?: [A-Z][a-z]+)?|[a-z]+[^su\W]s)"
SWAPS = {one: two for pair in POLARITY.split() for one, two in [pair.split("/")]}
SWAPS |= {two: one for one, two in reversed(SWAPS.items()) if two not in SWAPS and two != "few"}
SWAP = re.compile(rf"(?<![\w-])(?:{'|'.join(SWAPS)})\b(?!-| and\b)")
TABLE = [(re.compile(rf"(?<![\w-]){left}" + r"(?![\w-])" * left[-1].isalpha()), right)
         for left, _, right in (entry.rpartition("=") for entry in re.split(r"[;\n]", SYNONYMS))]
_FIGURE = rf"(?P<figure>(?:\d[\d,.]*|\b(?:{_N}|hundred|several|few))(?: (?:{_BIG}))?)(?P<gap>[ -]|(?=[KMG]B|°))(?:square |cubic )?"
UNITS = [(ladder.split(), re.compile(rf"{_FIGURE}(?P<unit>{'|'.join(ladder.split())})\b(?!\.\w|²|/|-\d)")) for ladder in re.split(r"[|\n]", LADDERS)]
# fmt: on


def in_words(number: int) -> str:
    """A whole number below 10**15 in English words, without `and`."""
    if number < 100:
        ten, one = divmod(number, 10)
        return ONES[number] if number < 20 else TENS[ten] + (f"-{ONES[one]}" if one else "")
    name, size = max(
        (pair for pair in [("hundred", 100), *SCALES.items()] if pair[1] <= number), key=lambda pair: pair[1]
    )
    return f"{in_words(number // size)} {name}" + (f" {in_words(number % size)}" if number % size else "")


def ordinal(number: int, spelled: bool) -> str:
    """`12th` or `twelfth`; spelled only below a hundred."""
    if not spelled:
        return f"{number}{'th' if number % 100 in (11, 12, 13) else {1: 'st', 2: 'nd', 3: 'rd'}.get(number % 10, 'th')}"
    head, dash, last = in_words(number).rpartition("-")
    return head + dash + (ORDINALS.get(last) or f"{re.sub('y$', 'ie', last)}th")


READ = {in_words(number).replace("-", " "): number for number in range(1, 1000)}
RANKS = {ordinal(number, True): number for number in range(1, 100)}
_R = "|".join(sorted(RANKS, key=len, reverse=True))
ORDINAL = re.compile(rf"(?<=\b[Tt]he )(?<!among the )(?<!of the )(?:{_R})(?= (?!{_N}|few|and|or|to|century)[a-z]+)")
CENTURY = re.compile(rf"\b(\d\d?(?:st|nd|rd|th)|{_R})(?=[ -]century)", re.I)


def from_words(text: str) -> int | None:
    """The whole number that English words say, or None where they are not one number ("two and three")."""
    text = text.lower().replace(" and ", " ").replace("-", " ")
    head, _, scale = text.rpartition(" ")
    return READ.get(text) or (READ[head] * SCALES[scale] if scale in SCALES and head in READ else None)


def flat(text: str) -> str:
    """Text casefolded with single spaces, for comparison."""
    return " ".join(text.casefold().split())


def put(sentence: str, edit: Edit) -> str:
    """The sentence after an edit, with its capital and an article before it mended."""
    start, end, new = edit
    before = sentence[:start]
    if start == 0 or (sentence[start].isupper() and not new.startswith("the ")):
        new = new[0].upper() + new[1:]
    if article := re.search(r"\b([Aa])n? $", before):
        vowel = re.match(r"[aeioAEIO]|[uU](?!n[ij]|s|r|S|K)|8|1[18]\b|hour|honest|[FHLMNRSX][A-Z]", new)
        before = f"{before[: article.start()]}{article[1]}{'n' * bool(vowel and not re.match('one |[Ee]u', new))} "
    return before + new + sentence[end:]


def bound(sentence: str, start: int, end: int) -> int:
    """1 where the words around a quantity give a lower bound, -1 for an upper bound, 0 for neither."""
    before, after = sentence[:start], sentence[end:]
    if UPPER.search(before) or re.match(r" (?:[\w.]+ )?or (?:less|fewer|under|earlier)", after):
        return -1
    return int(bool(LOWER.search(before) or re.match(r"\+| (?:[\w.]+ )?or (?:more|over|older|later)", after)))


def other(number: int, sentence: str, start: int, end: int, chance: random.Random) -> int | None:
    """Another whole number in its place: never 0 or 1, on the safe side of a bound, far off where the figure is vague."""
    way, vague = bound(sentence, start, end), VAGUE.search(sentence[:start])
    size = 1
    while number >= 10 and number % (size * 10) == 0:
        size *= 10
    core, text = number // size, str(number // size)
    if core <= 20 and not vague:
        found = [core + step for step in (-3, -2, -1, 1, 1, 2, 2, 3, 4, 5)]
    else:
        found = [round(core * factor) for factor in (0.4, 0.5, 0.62, 1.5, 1.7, 2.1)]
        found += (
            [] if vague or len(text) < 3 else [int(text[:-2] + text[-1] + text[-2]), int(text[1] + text[0] + text[2:])]
        )
    found = [new * size for new in found if new * size > 1 and new != core and (not way or (new > core) == (way > 0))]
    return chance.choice(found) if found else None


def read_figure(match: re.Match[str]) -> tuple[int, int]:
    """A figure as a whole number and its count of decimals."""
    text: str = match["figure"].replace(",", "")
    return int(text.replace(".", "")), len(text.partition(".")[2])


def figures(text: str) -> list[re.Match[str]]:
    """The numbers in digits that are no part of a date, no year and no century."""
    days = [day.span() for day in DAY.finditer(text)] + [found.span() for found in CENTURY.finditer(text)]
    found = [found for found in NUMBER.finditer(text) if not any(start <= found.start() < end for start, end in days)]
    year = re.compile(
        r"(?:in|after|before|by|since|until|from) \d{3}$|(?:Jan|Feb|Mar|Apr|Jun|Jul|Aug|Sept?|Oct|Nov|Dec)\.? \d+$|(?<![^ ])(?:1\d{3}|20\d\d)$",
        re.I,
    )
    return [match for match in found if not year.search(text[: match.end()])]


def spelled(text: str) -> list[tuple[re.Match[str], int]]:
    """The numbers above one in words, with their values; a capital within a sentence is taken for a name."""
    found = [(match, from_words(match[0]) or 0) for match in WORDS.finditer(text[0].lower() + text[1:])]
    return [(match, value) for match, value in found if value > 1]


def other_figure(sentence: str, source: str, match: re.Match[str], chance: random.Random) -> Edit | None:
    """Another number in place of one in digits: of the same source or made up, sometimes spelled out."""
    (value, decimals), money, scale, mark = (
        read_figure(match),
        match["money"] or "",
        match["scale"] or "",
        match["mark"] or "",
    )
    start, end = match.span()
    if value < 2 and not money and not scale:
        return None
    new = other(value, sentence, start, end, chance)
    if new and mark[-2:] in ("st", "nd", "rd", "th"):
        return start, end, ordinal(new, new < 100 and chance.random() < 0.3)
    if not bound(sentence, start, end) and not VAGUE.search(sentence[:start]) and chance.random() < 0.4:
        alike = [
            found
            for found in figures(source)
            if found.group("money", "scale", "mark") == match.group("money", "scale", "mark")
        ]
        near = [
            read_figure(found)[0]
            for found in alike
            if read_figure(found)[1] == decimals and found["figure"] not in sentence
        ]
        new = chance.choice([number for number in near if number > 1] or [new])
    if not new or new == value or ("%" in mark.replace(" per", "%") and new > 100 * 10**decimals >= value):
        return None
    text = f"{new:,}" if "," in match["figure"] or new >= 10**4 else str(new)
    if decimals:
        text = f"{new // 10**decimals:,}.{new % 10**decimals:0{decimals}d}"
    elif (
        not money and SPELLABLE.search(sentence[:start]) and (new < 1000 or new % 1000 == 0) and chance.random() < 0.35
    ):
        text, mark = in_words(new), mark.replace("%", " percent")
    if scale and not text[0].isalpha() and decimals < 4 and chance.random() < 0.3:
        text, scale = f"{new * SCALES[scale.strip()] // 10**decimals:,}", ""
    return start, end, f"{money}{text}{scale}{mark}"


def write_day(day: int | None, month: int, year: int | None, chance: random.Random) -> str:
    """A date in one of the forms that cannot be misread; slashes only where the day is above 12."""
    name = MONTHS[month - 1]
    if day is None:
        return chance.choice((f"{name} {year}", f"{name} of {year}", f"{name[:3]} {year}", f"{month:02d}/{year}"))
    if year is None:
        return chance.choice((f"{name} {day}", f"{day} {name}", f"the {ordinal(day, False)} of {name}"))
    forms = [
        f"{name} {day}, {year}",
        f"{day} {name} {year}",
        f"{year}-{month:02d}-{day:02d}",
        f"{day} {name[:3]} {year}",
    ]
    forms += [f"the {ordinal(day, False)} of {name} {year}"]
    forms += [f"{day:02d}/{month:02d}/{year}", f"{month:02d}/{day:02d}/{year}"] if day > 12 else []
    return chance.choice(forms)


def read_day(match: re.Match[str]) -> tuple[int | None, int, int | None]:
    """Day, month (from 1) and year of a date; what is missing is None."""
    day, year = match["d1"] or match["d2"], match["y1"] or match["y2"] or match["y3"]
    month = MONTHS.index(match["m1"] or match["m2"] or match["m3"]) + 1
    return int(day) if day else None, month, int(year) if year else None


def choose(sentence: str, source: str, edits: Iterable[Edit | None], chance: random.Random) -> str | None:
    """The sentence after one of the edits, where there is one that makes it differ from all that the source holds."""
    made = [put(sentence, edit) for edit in edits if edit]
    made = [new for new in made if flat(new) not in flat(source)]
    return chance.choice(made) if made else None
