"""The shape of a clip as its reader gives it, found with as little reading as can be relied on."""

from itertools import pairwise

from veggie_pl.video.formats import is_picture
from veggie_pl.video.readers.base import MAX_FRAMES, Content, Header
from veggie_pl.video.readers.images import head_of, image_header
from veggie_pl.video.readers.keyframes import Start
from veggie_pl.video.readers.listing import first_frame, list_frames, opened_whole, read_packet, shown, whole_packets
from veggie_pl.video.readers.pyav import PyavReader
from veggie_pl.video.readers.whole_boxes import is_fragmented
from veggie_pl.video.readers.wholeness import opened_bytes

HIDES = ("vp8",)  # codecs with packets of no frame


def clip_header(content: Content, name: str) -> Header:
    """Tell what ``ClipFile`` says of the same file.

    Raises:
        ClipError: If it is no video or image that can be read.
    """
    if is_picture(head_of(content)):
        return image_header(content, name)
    indexed = _by_index(content, name)
    if indexed is not None:
        return indexed
    listing = list_frames(content, name)
    info = listing.info if listing.times is not None else PyavReader(content, name, listing).info
    return Header(info.num_frames, info.height, info.width)


def _by_index(content: Content, name: str) -> Header | None:
    """Return the shape of an MP4 whose index lists every frame; None where only its packets can tell.

    That is where an edit list hides some, fragments have lists of their own, or frames are shown before the key frame
    that they are stored behind.
    """
    with opened_whole(content, name) as (container, stream):
        codec, context = stream.codec_context.codec.canonical_name, stream.codec_context
        if not container.format.name.startswith("mov") or codec in HIDES:
            return None
        entries = list(stream.index_entries)
        if not 0 < len(entries) == stream.frames <= MAX_FRAMES or any(entry.is_discard for entry in entries):
            return None
        if any(later.timestamp <= entry.timestamp for entry, later in pairwise(entries)):
            return None
        with opened_bytes(content) as (file, size):
            if is_fragmented(file, size):
                return None
        key, first = None, None
        for number, packet in enumerate(whole_packets(container, stream, name)):
            if number == 0:
                known = read_packet(packet, codec, context.extradata)
                if known.start is not Start.FRESH or not known.is_shown or known.pts is None:
                    return None
                key = known.pts
            elif number == 1 and (packet.pts is None or key is None or packet.pts <= key):
                return None
            first = first_frame(packet) if first is None else first
            if first is not None and number:
                break
        first = next(iter(context.decode(None)), None) if first is None else first
        return None if first is None else Header(len(entries), *shown(first)[1])
