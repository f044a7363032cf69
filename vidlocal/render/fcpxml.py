"""Write clips as a Final Cut Pro project, FCPXML 1.9. Pure."""

import re
from collections.abc import Sequence
from fractions import Fraction
from xml.etree import ElementTree as Xml

from vidlocal.render.clips import Clip, file_url, lay_out, to_frames, video_length
from vidlocal.render.sanitize import one_line

_NOT_XML = re.compile("[\ufffe\uffff]")


def fcpxml(clips: Sequence[Clip], *, title: str, rate: Fraction) -> str:
    """A project with the clips in sequence, each with the text as a note."""
    root = Xml.Element("fcpxml", version="1.9")
    resources = Xml.SubElement(root, "resources")
    Xml.SubElement(resources, "format", id="r1", name="vidlocal", frameDuration=_time(1, rate))
    assets = {path: f"r{number}" for number, path in enumerate(dict.fromkeys(clip.path for clip in clips), 2)}
    titles = {clip.path: clip.title for clip in clips}
    for path, name in assets.items():
        duration = _time(to_frames(video_length(clips, path), rate), rate)
        attributes = {"id": name, "name": _text(titles[path]), "start": "0s", "duration": duration, "format": "r1"}
        asset = Xml.SubElement(resources, "asset", attributes, hasVideo="1", hasAudio="1")
        Xml.SubElement(asset, "media-rep", kind="original-media", src=file_url(path))
    timeline = lay_out(clips, rate)
    event = Xml.SubElement(Xml.SubElement(root, "library"), "event", name="vidlocal")
    project = Xml.SubElement(event, "project", name=_text(title))
    total = _time(sum(item.frame_count for item in timeline), rate)
    sequence = Xml.SubElement(project, "sequence", format="r1", tcStart="0s", tcFormat="NDF", duration=total)
    spine = Xml.SubElement(sequence, "spine")
    for item in timeline:
        times = {
            "offset": _time(item.timeline_frame, rate),
            "start": _time(item.first_frame, rate),
            "duration": _time(item.frame_count, rate),
        }
        clip = Xml.SubElement(spine, "asset-clip", times, ref=assets[item.clip.path], name=_text(item.clip.title))
        Xml.SubElement(clip, "note").text = _text(item.clip.text)
    Xml.indent(root)
    return f'<?xml version="1.0" encoding="UTF-8"?>\n<!DOCTYPE fcpxml>\n{Xml.tostring(root, encoding="unicode")}\n'


def _time(count: int, rate: Fraction) -> str:
    """Frames as rational seconds: `1001/30000s`."""
    return f"{count * rate.denominator}/{rate.numerator}s" if count else "0s"


def _text(text: str) -> str:
    return _NOT_XML.sub("\ufffd", one_line(text))
