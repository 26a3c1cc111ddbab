"""The texts on which runtimes are compared and int8 is calibrated: kinds of text that quantisation may treat badly, the same on every machine."""

from __future__ import annotations

import hashlib
import json
import random
from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path

from citewell.core.resources import package_path
from citewell.encoders.network import Text

SEED = 20261121
NEAR_TIES = "near ties"
PASSAGES = "passages"
_PASSAGE_WORDS = 130  # about 190 tokens
_LONG_WORDS = 600
_EACH = 8
_RARE = [
    "anhydrobiosis",
    "quincunx",
    "borborygmus",
    "syzygy",
    "palimpsest",
    "zugzwang",
    "chthonic",
    "velleity",
    "apophenia",
    "eigenfrequency",
    "thixotropy",
    "desquamation",
    "katabatic",
    "psychrometer",
    "ombrotrophic",
    "saccade",
    "tribology",
    "escutcheon",
    "halcyon",
    "parhelion",
    "gnomon",
    "cyclostationary",
    "epistasis",
    "isostasy",
    "myrmecochory",
    "xeriscape",
    "lagomorph",
    "nudibranch",
    "orthorhombic",
    "pyroclast",
    "quaternion",
    "rheostat",
    "sphygmograph",
    "turbidite",
    "uvarovite",
    "vernalisation",
    "wolframite",
    "xylem",
    "yttrium",
    "zeolite",
    "heteroskedasticity",
    "immiscible",
    "jactitation",
]
_FOREIGN = (
    "Der Jahresurlaub beträgt achtundzwanzig Tage; bis zu fünf davon dürfen ins nächste Jahr mitgenommen werden.",
    "La pompe s'arrête lorsque l'arrivée d'eau est bouchée ; nettoyez le filtre avant de la remettre en marche.",
    "El contrato termina el último día del mes siguiente a aquel en que se recibe el aviso por escrito.",
    "Датчик мутности следует калибровать каждые три месяца в чистой воде при температуре двадцать градусов.",
    "传感器每三个月必须在二十摄氏度的清水中校准一次，并记录结果。",
    "センサーは三か月ごとに、二十度のきれいな水の中で校正してください。",
    "يجب معايرة المستشعر كل ثلاثة أشهر في ماء نظيف عند درجة حرارة عشرين مئوية.",
    "सेंसर को हर तीन महीने में बीस डिग्री के साफ पानी में जाँचा जाना चाहिए।",
)
_TIES = (
    ("How many days may be carried over?", "Up to {} days may be carried over until 31 March.", "five", "nine"),
    ("What does error E41 mean?", "Error {} means that the inlet is blocked.", "E41", "E47"),
    ("What is the limit for hotels in Graz?", "Hotels in {} cost at most 145 euros a night.", "Graz", "Leeds"),
    ("When is the sensor calibrated?", "The sensor is calibrated every {} months.", "three", "six"),
    ("May visitors enter the laboratory alone?", "Visitors {} enter the laboratory alone.", "may", "must not"),
    ("Who signs orders above 5,000 euros?", "Orders above {} euros are signed by the head.", "5,000", "50,000"),
    ("Which port does the gateway use?", "The gateway listens on port {}.", "8883", "1883"),
    ("Is version 2.4 still supported?", "Version {} is supported until the end of the year.", "2.4", "2.14"),
)


@lru_cache(maxsize=1)
def questions() -> list[str]:
    """The questions about the sample documents."""
    lines = package_path("data", "sample", "topics.jsonl").read_text(encoding="utf-8").splitlines()
    return [str(json.loads(line)["text"]) for line in lines if line.strip()]


@lru_cache(maxsize=1)
def slices() -> Mapping[str, list[str]]:
    """Texts by kind. Those of NEAR_TIES come in twos that differ in one word."""
    chance = random.Random(SEED)  # noqa: S311 (reproducible, not secret)
    words = _words()
    starts = [chance.randrange(len(words) - _LONG_WORDS) for _ in range(4 * _EACH)]
    return {
        PASSAGES: [" ".join(words[at : at + _PASSAGE_WORDS]) for at in starts],
        "long passages": [" ".join(words[at : at + _LONG_WORDS]) for at in starts[:_EACH]],
        "questions": questions()[: 2 * _EACH],
        "rare words": [" ".join(chance.sample(_RARE, 9)) for _ in range(_EACH)],
        "identifiers": [_identifiers(chance) for _ in range(_EACH)],
        "other languages": list(_FOREIGN),
        NEAR_TIES: [text.format(word) for _, text, one, other in _TIES for word in (one, other)],
    }


def pairs() -> Mapping[str, list[Text]]:
    """The same texts, each with a question: its own for near ties, else one that may or may not fit."""
    asked = questions()
    made: dict[str, list[Text]] = {}
    for kind, texts in slices().items():
        if kind == NEAR_TIES:
            made[kind] = [(_TIES[place // 2][0], text) for place, text in enumerate(texts)]
        else:
            made[kind] = [(asked[place % len(asked)], text) for place, text in enumerate(texts)]
    return made


def checksum() -> str:
    """Names these texts."""
    return hashlib.sha256(json.dumps([SEED, slices(), questions()]).encode()).hexdigest()[:16]


def _words() -> list[str]:
    """The words of the sample documents that are plain text, in the order of their names."""
    corpus = package_path("data", "sample", "corpus")
    files: list[Path] = sorted(path for path in corpus.rglob("*") if path.suffix in {".md", ".txt"})
    return " ".join(path.read_text(encoding="utf-8", errors="replace") for path in files).split()


def _identifiers(chance: random.Random) -> str:
    hexes = f"{chance.getrandbits(64):016x}"
    return (
        f"ERR-{chance.randrange(1000, 9999)}-{chance.choice('ABCDEFK')}{chance.choice('XYZ')} in /srv/data/{hexes[:6]}/run_{chance.randrange(99):02d}.log: "
        f"build v{chance.randrange(9)}.{chance.randrange(30)}.{chance.randrange(9)}-rc{chance.randrange(5)} at commit {hexes}, ticket OPS-{chance.randrange(99999)}"
    )
