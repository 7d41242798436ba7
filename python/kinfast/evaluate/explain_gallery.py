"""The pictures of what a model looked at: each stream as it is, and under its maps."""

from pathlib import Path
from typing import Any

import numpy as np

from kinfast import config, schema
from kinfast.data.heat import overlay_heat, smooth_heat
from kinfast.data.thumbnails import encode_webp, shrink


def draw_site(folder: Path, number: int, views: Any, row: int, stack: Any, maps: Any, place: int) -> dict[str, Any]:
    """Write a site's pictures and say what they are.

    Args:
        folder: where to.
        number: of the site in the gallery.
        views: train.stain_views.StainViews.
        row: the site's position in the store.
        stack: (stains, S, S) its crop.
        maps: train.attribution.Maps of it and others.
        place: its position among those.
    """
    site = views.store.sites.iloc[row]
    compound = site.get(schema.COMPOUND)
    streams = []
    for stream, channels in enumerate(views.positions):
        planes = [stack[channel].cpu().numpy() for channel in channels][:3]
        picture = np.stack(planes if len(planes) == 3 else planes[:1] * 3, axis=-1).astype(np.uint8)
        heat = maps.gradients[stream][place].abs().sum(dim=0).double().cpu().numpy()
        cam = maps.cams[stream][place].clamp(min=0).double().cpu().numpy()
        shown = {
            "plain": picture,
            "gradients": overlay_heat(picture, smooth_heat(heat, picture.shape[0] / 64)),
            "cam": overlay_heat(picture, cam),
        }
        files = {kind: f"map{number:03d}_{stream}_{kind}.webp" for kind in shown}
        for kind, image in shown.items():
            (folder / files[kind]).write_bytes(encode_webp(shrink(image, config.THUMBNAIL_SIDE)))
        streams.append({"name": views.composites[stream].name, **files})
    return {
        "site": f"{site[schema.PLATE]} {site[schema.WELL]} site {site[schema.SITE]}",
        "compound": compound if isinstance(compound, str) else "",
        "streams": streams,
    }
