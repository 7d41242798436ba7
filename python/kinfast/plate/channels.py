"""Which channel a token in a name means: by the spec, by a map given by hand, by what the microscope calls it."""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from kinfast.errors import SpecError, UsageError
from kinfast.plate.specs import ChannelSpec, DatasetSpec, generic_spec, load_spec
from kinfast.plate.tokens import natural_key, normal_token, same_token

THESIS_WAVELENGTHS = ("1", "2", "3", "4", "5")
LEFT_OUT = ("", "-")
"""Names in a channel map that leave the channel out."""


@dataclass(frozen=True, slots=True)
class ChannelMap:
    """The spec with the channels that are there, and how names of files call them.

    Attributes:
        spec: its channels are those that some file shows.
        names: token -> the channel's name; a token that is left out is missing.
        notes: lines that a person should read.
    """

    spec: DatasetSpec
    names: dict[str, str]
    notes: tuple[str, ...]


def parse_channel_map(text: str) -> dict[str, str]:
    """Read `1=DNA,2=ER`; `3=-` leaves a channel out.

    Raises:
        UsageError: a part is no token=name.
    """
    pairs: dict[str, str] = {}
    for part in text.split(","):
        token, equals, name = part.partition("=")
        if not equals or not token.strip():
            raise UsageError(
                f"--channels {text!r}: found {part!r}, wanted token=name such as 1=DNA,2=ER (3=- leaves out)"
            )
        token, name = token.strip(), name.strip()
        if pairs.setdefault(token, name) != name:
            raise UsageError(f"--channels {text!r}: channel {token} is given twice: {pairs[token]} and {name}")
    return pairs


def map_channels(
    tokens: Iterable[str],
    spec: DatasetSpec | None,
    given: Mapping[str, str] | None = None,
    microscope: Mapping[str, str] | None = None,
    named: bool = False,
) -> ChannelMap:
    """Decide what each token is.

    Args:
        tokens: all that the names of the images show.
        spec: the data set's, or None where nobody said.
        given: token -> name by hand; goes before everything else.
        microscope: token -> what the microscope's own table calls it.
        named: True where the tokens are channels' names already (LoadData).

    Raises:
        SpecError: the spec knows none of the tokens, or a name given by hand is no name.
        UsageError: a token given by hand is in no file's name.
    """
    tokens = sorted(set(tokens), key=natural_key)
    by_hand = _checked(given or {}, tokens)
    if spec is not None:
        return _map_by_spec(tokens, spec, by_hand, microscope or {})
    if not by_hand and tuple(tokens) == THESIS_WAVELENGTHS:
        note = "five wavelengths 1 to 5 and no spec given: taken as kinase_u2os (1 DNA, 2 RNA, 3 Mito, 4 ER, 5 AGP)"
        mapped = _map_by_spec(tokens, load_spec("kinase_u2os"), {}, {})
        return ChannelMap(mapped.spec, mapped.names, (f"{note}; --spec or --channels says otherwise", *mapped.notes))
    return _map_as_found(tokens, by_hand, microscope or {}, named)


def _checked(given: Mapping[str, str], tokens: Sequence[str]) -> dict[str, str]:
    known = {same_token(token): token for token in tokens}
    checked: dict[str, str] = {}
    for token, name in given.items():
        if same_token(token) not in known:
            raise UsageError(f"--channels: no image is of channel {token!r}; the names show {', '.join(tokens)}")
        checked[known[same_token(token)]] = name
    names = [name for name in checked.values() if name not in LEFT_OUT]
    twice = next((name for name in names if names.count(name) > 1), None)
    if twice:
        raise UsageError(f"--channels: two channels are called {twice}")
    return checked


def _map_as_found(
    tokens: Sequence[str], by_hand: Mapping[str, str], microscope: Mapping[str, str], named: bool
) -> ChannelMap:
    names = {token: by_hand.get(token, _found_name(token, named)) for token in tokens}
    names = {token: name for token, name in names.items() if name not in LEFT_OUT}
    try:
        spec = generic_spec(list(names), list(names.values()))
    except ValueError as error:
        raise SpecError(f"--channels: {' '.join(str(error).split())[:200]}") from None
    listed = ", ".join(names.values())
    uncounted = "" if spec.nuclei_channel else "; without one called DNA no cells are counted"
    notes = [f"no spec given: channels are called as found ({listed}); --spec or --channels names them{uncounted}"]
    if by_hand:
        notes = [f"channels as given: {', '.join(f'{token} is {name}' for token, name in names.items())}"]
    if microscope:
        called = ", ".join(f"{token} {microscope[token]}" for token in sorted(microscope, key=natural_key))
        notes.append(f"the microscope's own table calls the channels: {called}")
    return ChannelMap(spec, names, tuple(notes))


def _found_name(token: str, named: bool) -> str:
    """Call a channel by its word, and by ch1 where all there is is a number."""
    clean = re.sub(r"[\s/\\,+]+(?:-[\s/\\,+]+)?", "-", token).strip("-") or "unnamed"
    return f"ch{clean}" if clean.isdigit() and not named else clean


def _map_by_spec(
    tokens: Sequence[str], spec: DatasetSpec, by_hand: Mapping[str, str], microscope: Mapping[str, str]
) -> ChannelMap:
    spec = _with_extra_channels(spec, by_hand)
    names = _match_words({token: microscope.get(token, token) for token in tokens}, spec, numbers=not microscope)
    if microscope and len(set(names.values())) < len(spec.channels):
        names = _match_words({token: token for token in tokens}, spec, numbers=True)
    names = {token: name for token, name in names.items() if name not in by_hand.values()} | dict(by_hand)
    names = {token: name for token, name in names.items() if name not in LEFT_OUT}
    if not names:
        wanted = ", ".join(f"{channel.name} ({'/'.join(channel.wavelength)})" for channel in spec.channels)
        raise SpecError(
            f"spec {spec.name} wants {wanted}; the names show only {', '.join(tokens)}: "
            "say which is which with --channels, or take another --spec"
        )
    restricted, notes = _only_present(spec, set(names.values()))
    unknown = [token for token in tokens if token not in names]
    if unknown:
        notes.append(f"channel {', '.join(unknown)} is not in the spec {spec.name}: its images are left out")
    return ChannelMap(restricted, names, tuple(notes))


def _with_extra_channels(spec: DatasetSpec, by_hand: Mapping[str, str]) -> DatasetSpec:
    extra = [name for name in by_hand.values() if name not in (*spec.channel_names, *LEFT_OUT)]
    try:
        added = tuple(ChannelSpec(name=name) for name in extra)
    except ValueError as error:
        raise SpecError(f"--channels: {' '.join(str(error).split())[:200]}") from None
    return spec.model_copy(update={"channels": (*spec.channels, *added)})


def _match_words(words: Mapping[str, str], spec: DatasetSpec, numbers: bool) -> dict[str, str]:
    known: dict[str, str] = {}
    for channel in spec.channels:
        for word in (channel.name, *channel.wavelength):
            if numbers or not normal_token(word).isdigit():
                known.setdefault(same_token(word), channel.name)
    return {token: known[same_token(word)] for token, word in words.items() if same_token(word) in known}


def _only_present(spec: DatasetSpec, present: set[str]) -> tuple[DatasetSpec, list[str]]:
    absent = [name for name in spec.channel_names if name not in present]
    if not absent:
        return spec, []
    composites = {name: of for name, of in spec.composites.items() if present.issuperset(of)}
    gone = [name for name in spec.composites if name not in composites]
    streams = spec.streams if all(stream in composites for stream in spec.streams) else ()
    restricted = spec.model_copy(
        update={
            "channels": tuple(channel for channel in spec.channels if channel.name in present),
            "composites": composites,
            "streams": streams,
            "nuclei_channel": spec.nuclei_channel if spec.nuclei_channel in present else None,
        }
    )
    without = f"; without {', '.join(gone)}" if gone else ""
    return restricted, [f"no image at all of {', '.join(absent)}: the spec {spec.name} is used without{without}"]
