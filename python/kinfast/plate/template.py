"""Making the path of an image as a microscope would name it: the conventions read backwards."""

from kinfast.domain import well_position
from kinfast.plate.conventions import Convention


def make_path(
    convention: Convention,
    *,
    plate: str,
    well: str,
    site: int,
    channel: str,
    channel_name: str = "",
    plane: int = 1,
    time: int = 1,
    guid: str = "",
    columns: int = 12,
) -> str:
    """Spell an image's path, relative to the plates' root, with forward slashes.

    Args:
        convention: whose template is used.
        plate: the plate's name.
        well: such as B02.
        site: 1-based, as plane and time; the convention's offsets are taken off.
        channel: its token ("1").
        channel_name: for the conventions that name channels; the token where it is empty.
        plane: 1-based.
        time: 1-based.
        guid: for the convention that has one; may be empty.
        columns: of the plate, for the conventions that count wells.
    """
    row, column = well_position(well)
    return convention.template.format(
        plate=plate,
        well=well,
        row=row,
        row_letter=well.rstrip("0123456789"),
        column=column,
        well_number=(row - 1) * columns + column,
        site=site - convention.site_offset,
        channel=channel,
        channel_number=int(channel) if channel.isdigit() else 1,
        channel_name=channel_name or channel,
        plane=plane - convention.plane_offset,
        time=time - convention.time_offset,
        guid=guid,
    )
