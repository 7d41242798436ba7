"""A camera that gives one frame twice: two channels of a site with the same pixels."""

import numpy as np
import pandas as pd

from kinfast import schema
from kinfast.preprocess.duplicates import find_duplicates
from kinfast.preprocess.plate_task import PIXEL_HASH

CHANNELS = ("DNA", "ER")


def test_one_frame_in_two_channels_of_a_site_is_named_and_blank_ones_are_not() -> None:
    sites = pd.DataFrame(
        {schema.PLATE: "P", schema.WELL: ["B02", "B03", "B04"], schema.SITE: [1, 1, 1], schema.TIMEPOINT: 1}
    )
    for channel, hashes in zip(CHANNELS, ([1, 2, 3], [1, 5, 3]), strict=True):
        sites[PIXEL_HASH + channel] = np.array(hashes, np.uint64)
        sites[schema.quality("min", channel)] = [90.0, 90.0, 7.0]
        sites[schema.quality("max", channel)] = [900.0, 900.0, 7.0]
    assert find_duplicates(sites, CHANNELS) == ["duplicate: ER as in DNA of the same site", "", ""]
