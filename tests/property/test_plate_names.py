"""Whatever a name is made of is read from it again, under every convention."""

import string

from hypothesis import given
from hypothesis import strategies as st

from kinfast.domain import well_name
from kinfast.plate.conventions import shipped_conventions
from kinfast.plate.name_reader import NameReader
from kinfast.plate.template import make_path

CONVENTIONS = {convention.name: convention for convention in shipped_conventions()}
hexadecimal = st.text("0123456789ABCDEF", min_size=8, max_size=8)
guids = st.builds(lambda a, b: f"{a}-{b[:4]}-4DFD-98AA-{b[4:]}01557A0F", hexadecimal, hexadecimal)
plates = st.text(string.ascii_letters + string.digits, min_size=1, max_size=9).map(lambda text: f"P{text}")


@given(
    name=st.sampled_from(sorted(CONVENTIONS)),
    plate=plates,
    row=st.integers(1, 8),
    column=st.integers(1, 12),
    site=st.integers(1, 99),
    channel=st.integers(1, 9),
    plane=st.integers(1, 99),
    time=st.integers(1, 99),
    guid=st.one_of(st.just(""), guids),
)
def test_a_name_is_read_as_it_was_made(
    name: str, plate: str, row: int, column: int, site: int, channel: int, plane: int, time: int, guid: str
) -> None:
    convention = CONVENTIONS[name]
    template = convention.template
    site = site if "{site" in template else 1
    path = make_path(
        convention, plate=plate, well=well_name(row, column), site=site, channel=str(channel), channel_name="Mito",
        plane=plane, time=time, guid=guid,
    )  # fmt: skip
    reader = NameReader(convention)
    folder, _, file = path.rpartition("/")
    inherited: dict[str, str] = {}
    for part in folder.split("/"):
        inherited.update(reader.folder_fields(part) or {})
    parts = reader.read(folder, file, inherited)
    assert parts is not None
    assert (parts.well, parts.site) == (well_name(row, column), site)
    assert parts.channel in (str(channel), "Mito")
    assert parts.plane == (plane if "{plane" in template else None)
    assert parts.time == (time if "{time" in template else 1)


@given(site=st.integers(1, 999), channel=st.integers(1, 9), guid=guids)
def test_a_guid_never_gives_a_digit_to_the_number_before_it(site: int, channel: int, guid: str) -> None:
    reader = NameReader(CONVENTIONS["imagexpress"])
    both = reader.read("", f"Plate_E08_s{site}_w{channel}{guid}.tif", {})
    alone = reader.read("", f"Plate_E08_s{site}{guid}.TIF", {})
    assert both is not None
    assert alone is not None
    assert (both.site, both.channel, alone.site, alone.channel) == (site, str(channel), site, "1")
