"""XMP of digiKam, Lightroom and ExifTool, in sidecars and within files."""

import shutil
import subprocess
from pathlib import Path

import pytest
from PIL import Image

from tests.support import clips
from vidlocal.errors import MediaError
from vidlocal.geography import GeoPoint
from vidlocal.media.metadata.xmp import parse_xmp
from vidlocal.media.probe.prober import Prober

PACKET = """<?xpacket begin="\ufeff" id="W5M0MpCehiHzreSzNTczkc9d"?>
<x:xmpmeta xmlns:x="adobe:ns:meta/" x:xmptk="XMP Core 4.4.0-Exiv2">
 <rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">
  <rdf:Description rdf:about="" xmlns:dc="http://purl.org/dc/elements/1.1/" xmlns:xmp="http://ns.adobe.com/xap/1.0/"
    xmlns:exif="http://ns.adobe.com/exif/1.0/" xmlns:tiff="http://ns.adobe.com/tiff/1.0/"
    xmlns:digiKam="http://www.digikam.org/ns/1.0/" xmlns:lr="http://ns.adobe.com/lightroom/1.0/"
    xmlns:mwg-rs="http://www.metadataworkinggroup.com/schemas/regions/"
    xmlns:MP="http://ns.microsoft.com/photo/1.2/" xmlns:MPRI="http://ns.microsoft.com/photo/1.2/t/RegionInfo#"
    xmlns:MPReg="http://ns.microsoft.com/photo/1.2/t/Region#"
    exif:GPSLatitude="38,42.834N" exif:GPSLongitude="9,8,21.8W" tiff:Make="DJI" tiff:Model="Mini 4"
    exif:DateTimeOriginal="2023-07-14T15:30:12+01:00">
   <dc:title><rdf:Alt><rdf:li xml:lang="de">Auf See</rdf:li><rdf:li xml:lang="x-default">At sea</rdf:li></rdf:Alt>
   </dc:title>
   <dc:description><rdf:Alt><rdf:li xml:lang="x-default">The trip
 to the island.</rdf:li></rdf:Alt></dc:description>
   <dc:subject><rdf:Bag><rdf:li>boat</rdf:li><rdf:li>Anna Müller</rdf:li></rdf:Bag></dc:subject>
   <digiKam:TagsList><rdf:Seq><rdf:li>boat</rdf:li><rdf:li>People/Anna Müller</rdf:li></rdf:Seq></digiKam:TagsList>
   <lr:hierarchicalSubject><rdf:Bag><rdf:li>Places|Portugal</rdf:li></rdf:Bag></lr:hierarchicalSubject>
   <mwg-rs:Regions rdf:parseType="Resource"><mwg-rs:RegionList><rdf:Bag>
     <rdf:li rdf:parseType="Resource"><mwg-rs:Name>Tom</mwg-rs:Name><mwg-rs:Type>Face</mwg-rs:Type></rdf:li>
     <rdf:li><rdf:Description mwg-rs:Name="Rex" mwg-rs:Type="Pet"/></rdf:li>
   </rdf:Bag></mwg-rs:RegionList></mwg-rs:Regions>
   <MP:RegionInfo rdf:parseType="Resource"><MPRI:Regions><rdf:Bag><rdf:li MPReg:PersonDisplayName="Eve"/></rdf:Bag>
   </MPRI:Regions></MP:RegionInfo>
  </rdf:Description>
 </rdf:RDF>
</x:xmpmeta>
<?xpacket end="w"?>"""

with_exiftool = pytest.mark.skipif(shutil.which("exiftool") is None, reason="exiftool is not installed")


def test_texts_tags_and_people_of_a_packet_are_read() -> None:
    metadata = parse_xmp(PACKET)
    assert (metadata.title, metadata.description) == ("At sea", "The trip\n to the island.")
    assert metadata.tags == ("boat", "Places", "Portugal")
    assert metadata.people == ("Tom", "Eve", "Anna Müller")


def test_date_place_and_camera_of_a_packet_are_read() -> None:
    metadata = parse_xmp(PACKET)
    assert metadata.recorded_at == "2023-07-14T15:30:12+01:00"
    assert metadata.location == pytest.approx(GeoPoint(38.7139, -9.13939), abs=1e-5)
    assert metadata.camera == "DJI Mini 4"


@pytest.mark.parametrize(
    "text",
    [
        "",
        "no XML",
        "<a/>",
        PACKET[:900],
        '<!DOCTYPE a [<!ENTITY b "bbbbbbbb">]>' + PACKET,
        "<a>" * 50_000,
    ],
)
def test_another_text_is_refused(text: str) -> None:
    with pytest.raises(MediaError):
        parse_xmp(text)


@with_exiftool
@pytest.mark.parametrize("name", ["a.mp4", "a.mov", "a.jpg", "a.png"])
def test_metadata_that_exiftool_wrote_into_a_file_is_read(prober: Prober, tmp_path: Path, name: str) -> None:
    path = tmp_path / name
    if path.suffix in (".jpg", ".png"):
        Image.new("RGB", (64, 48), "green").save(path)
    else:
        clips.scenes(path, seconds=2)
    tags = ["-XMP-dc:Title=At sea", "-XMP-dc:Subject=boat", "-XMP-dc:Subject=Änna", "-XMP-iptcExt:PersonInImage=Änna"]
    subprocess.run(["exiftool", "-q", "-overwrite_original", *tags, path], check=True, timeout=30)
    metadata = prober.probe(path).metadata
    assert (metadata.title, metadata.tags, metadata.people) == ("At sea", ("boat",), ("Änna",))


def test_a_file_without_xmp_has_no_metadata(prober: Prober, tmp_path: Path) -> None:
    assert not prober.probe(clips.scenes(tmp_path / "a.mp4", seconds=2)).metadata.text
