"""Words before and after a number that say it is a phone number, or that it is the number of a thing."""

from __future__ import annotations

import re

REACH = 48  # characters on either side of a number that are looked at

_NOUNS = (
    r"phones?|telephones?|smartphone|tel|telefon\w*|tél|t[ée]l[ée]phone|tel[ée]fonos?|telefoni?|telefones?|telem[óo]vel|telefoon\w*|telefax|"
    r"teléfonos?|mobile(?: (?:no|number|phone))?|mob|mobil|mobilnummer|cell(?:ular)?(?: ?phones?)|celular|cellulare|m[óo]vil|gsm|handy|handynummer|"
    r"rufnummer|durchwahl|fax(?:nummer)?|hotline|helpline|pager|whats ?app|sms|puhelin|telefonszám|тел|телефон|моб|τηλ|τηλέφωνο"
)
_SCRIPTS = "电话|電話|手机|手機|携帯|传真|傳真|전화|휴대폰|फ़ोन|फोन|मोबाइल|هاتف|جوال|تلفن|טלפון"
# Words that also mean something else: they count before a number that is written like one.
_VERBS = (
    r"call|calls|called|dial|dialling|dialing|ring|text me|reach|contact|messages?|answering|registered|number is|desk|office|cell|mobile|direct|"
    r"home|work|rufen|anrufen|appeler|llame|llamar|chiamare|ligar|bellen"
)
# From the word to the number: nothing that ends a sentence, and no other number.
_GAP = rf"\.?[^0-9.;!?|\n\ufffc]{{0,{REACH - 20}}}(?:\n {{0,4}})?\(?\Z"
PHONE_BEFORE = re.compile(rf"(?:\b(?:{_NOUNS})\b|{_SCRIPTS}){_GAP}", re.IGNORECASE)
SAID_BEFORE = re.compile(rf"\b(?:{_VERBS})\b{_GAP}", re.IGNORECASE)
PHONE_AFTER = re.compile(
    r" ?[-(\[,]?\\?,? ?(?:fax|mobile|mobil|cell|office|work|home|direct|desk|phone|tel|privat|dienstlich|büro|bureau|oficina)\b\.?"
    r"(?= ?(?:\Z|\n|[)\],;.\\]))",
    re.IGNORECASE,
)
_THINGS = (
    r"order|invoice|ticket|case|ref(?:erence)?|part|serial|model|article|art|account|item|product|sku|patent|version|batch|lot|barcode|tracking|"
    r"registration|vat|tax|policy|contract|customer|gene|grant|protocol|trial|catalog(?:ue)?|cat|accession|bestell|rechnungs?|artikel|auftrags?|"
    r"kunden|serien|teile|pmid|pmcid|isbn|issn|doi|id|uid|s/n|p/n"
)
NUMBER_OF_A_THING = re.compile(
    rf"\b(?:{_THINGS})(?:[ -]?(?:no|nr|num(?:ber)?|nummer|id|code))?\.?[ :#]{{0,3}}\Z", re.IGNORECASE
)
