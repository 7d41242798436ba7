"""One spelling for names that libraries spell in many ways: encodings, Greek letters, brackets, hyphens, salts."""

import re
import unicodedata

_SPOILT = re.compile(
    "[\u00c3\u00c2\u00ce\u00cf\u00e2\u0152][\u0080-\u00bf\u2018-\u2122\u2264\u2265\u20ac\u0152-\u0192≤≥±]"
)
"""Two-byte beginnings as they look when UTF-8 was read as Windows-1252 or Mac Roman."""
_ENCODINGS = ("cp1252", "latin-1", "mac_roman")
_DASHES = re.compile("[\u00ad\u2010-\u2015\u2212\ufe58\ufe63\uff0d]")
_QUOTES = re.compile("[\u2018\u2019\u02bc\u00b4`]")
_SQUARE = str.maketrans({"【": "(", "】": ")", "〔": "(", "〕": ")", "［": "(", "］": ")"})
GREEK = {
    "α": "alpha", "β": "beta", "γ": "gamma", "δ": "delta", "ε": "epsilon", "ζ": "zeta", "η": "eta", "θ": "theta",
    "ι": "iota", "κ": "kappa", "λ": "lambda", "μ": "mu", "ν": "nu", "ξ": "xi", "π": "pi", "ρ": "rho", "σ": "sigma",
    "ς": "sigma", "τ": "tau", "φ": "phi", "χ": "chi", "ψ": "psi", "ω": "omega", "ß": "beta",
}  # fmt: skip
"""ß stands for β where a keyboard had no Greek."""
_SALTS = (
    "hydrochloride|dihydrochloride|trihydrochloride|hcl|2hcl|3hcl|hydrobromide|hbr|mesylate|mesilate|dimesylate|"
    "methanesulfonate|tosylate|ditosylate|besylate|esylate|edisylate|maleate|malate|fumarate|hemifumarate|succinate|"
    "tartrate|citrate|phosphate|diphosphate|sulfate|sulphate|hemisulfate|acetate|diacetate|trifluoroacetate|tfa|"
    "lactate|sodium|disodium|potassium|calcium|hydrate|monohydrate|dihydrate|hemihydrate|anhydrous|salt|"
    "free base|freebase|oxalate|nitrate|bromide|chloride|iodide|glucuronate|orotate|dilactic acid|acid salt"
)
_SALT = re.compile(rf"[\s,;·*.-]+(?:\d\s*)?(?:{_SALTS})\b(?=$|[\s,;·*.-])")
_BRACKETS = re.compile(r"^(?P<outside>[^()]+?)\s*\((?P<inside>[^()]+)\)\s*$")
_BROAD = re.compile(r"^(brd-[a-z]\d{8})(?:-\d{3}.*)$")


def normalise_text(text: str) -> str:
    """Bring a cell to one spelling of characters, without changing what a person reads in it.

    UTF-8 that was read as Windows-1252 or Mac Roman is read again; full-width letters and dashes become plain.
    """
    mended = _mend(text.strip())
    plain = unicodedata.normalize("NFKC", mended.translate(_SQUARE))
    plain = _QUOTES.sub("'", _DASHES.sub("-", plain))
    return " ".join(plain.split())


def spelled_key(text: str) -> str:
    """Give what two spellings of one name have in common: lower case, Greek in letters, nothing but letters and digits.

    `GSK-3 β`, `GSK3beta` and `GSK‑3β` have one key. A sign that tells isomers apart, (+) or (-), is kept.
    """
    lower = normalise_text(text).lower()
    letters = "".join(GREEK.get(letter, letter) for letter in lower)
    sign = {"(+)": "plus", "(-)": "minus", "(±)": ""}
    for written, word in sign.items():
        letters = letters.replace(written, word)
    return "".join(letter for letter in letters if letter.isalnum() or letter == "\ufffd")


def without_salt(text: str) -> str:
    """Take the salt, hydrate or base off a compound's name: `Imatinib Mesylate` is `imatinib`."""
    before, name = "", normalise_text(text).lower()
    while name != before:
        before, name = name, _SALT.sub("", name)
    return name


def bracketed(text: str) -> tuple[str, ...]:
    """Split `Bosutinib (SKI-606)` into its two names; none where it is not of that form, or has a sign in brackets."""
    found = _BRACKETS.match(normalise_text(text))
    if found is None or len(found["inside"]) < 3:
        return ()
    return found["outside"], found["inside"]


def parent_id(text: str) -> str | None:
    """Give a Broad sample's compound, BRD-K12345678 of BRD-K12345678-001-01-1; None where it is no such id."""
    found = _BROAD.match(text.strip().lower())
    return found[1] if found else None


def is_spoilt(text: str) -> bool:
    """Tell whether letters of a cell are lost for good: a replacement character, or ? within a word."""
    return "\ufffd" in text or re.search(r"\w\?\w|\w\?(?=[/,|;]\w)", text) is not None


def _mend(text: str) -> str:
    if not _SPOILT.search(text):
        return text
    for encoding in _ENCODINGS:
        try:
            again = text.encode(encoding).decode("utf-8")
        except UnicodeError:
            continue
        return again
    return text
