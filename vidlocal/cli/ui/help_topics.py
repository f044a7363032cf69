"""The topics of `vidlocal help`."""

QUERY = """
The query language

A query is words, in any order and any language; the best match comes first. Words with similar meaning match too, once
`vidlocal enrich` has embedded the text. Misspelt words are corrected, with a notice. Put a query with any of the
following in single quotes, because shells read quotes and dashes themselves:

  "happy birthday"      the exact phrase
  -dog                  without this word
  video:wedding         only this video: id, or part of its title or file name
  kind:speech           only speech; or sound, subtitle, screen_text, chapter, metadata, scene, action, note, picture
  tag:dance             only videos or moments with this tag
  lang:es               only text in this language
  speaker:mary          only what this speaker says
  person:anna           only while this person is seen; several: all of them; -person:tom: without
  place:lisbon          recorded in this city or country
  near:38.7,-9.1,20km   recorded within this distance
  camera:iphone         recorded with this camera
  after:2023            recorded in 2023 or later; also after:2023-06, after:2023-06-15
  before:2024-06        recorded before June 2024
  at:10:00-12:00        in this part of the video
  time:18:00-23:00      recorded at this time of day

Anything else is plain words, also a filter with an invalid value; a notice
tells. A query with only exclusions searches for those words.

Scores go from 0 to 1 and compare hits of one search; --explain shows how they come about.

Examples

  vidlocal search bride walks down aisle
  vidlocal search '"happy birthday" kind:speech after:2023'
  vidlocal search 'beach -dog' --video holiday
"""

EXIT_CODES = """
Exit codes

  0         done; also if nothing was found, or you declined a question
  1         a bug in vidlocal
  2         wrong usage
  3         finished, but some inputs failed
  4         all inputs failed
  5         a tool, server or model is missing
  6         the library is missing, locked or too new, or the disk is full
  7         invalid setting
  8         nothing found, with --fail-if-empty
  130, 143  interrupted, terminated
"""

SETTINGS = """
Settings

By precedence: option of the command, environment variable, settings.toml in the data directory, default.

  vidlocal config                         all settings, with the origin of each value
  vidlocal config vision_model bakllava   store a value in settings.toml
  VIDLOCAL_EVERY=1 vidlocal ingest a.mp4  set a value for one command
  vidlocal --home /mnt/disk/library list  use another data directory

All settings: docs/settings.md. A complete settings.toml with comments: docs/settings.toml
"""

SCRIPTING = """
Scripting

Data goes to stdout, everything else to stderr. On a terminal you get tables; in a pipe, tab-separated lines without a
header; with --json, one JSON document (one object per line for ingest, worker and status --watch). Times are seconds
in JSON, and h:mm:ss.s in tables. --quiet prints only errors. NO_COLOR turns colours off.

  vidlocal search first dance --format paths | xargs -d '\\n' ls -l
  vidlocal search first dance --json | jq -r '.moments[] | [.start, .text] | @tsv'
  vidlocal search goal --json | vidlocal clip - --join goals.mp4
  find /mnt/camera -name '*.MP4' | vidlocal ingest -
  vidlocal search 'fire alarm' --fail-if-empty --quiet > hits.tsv || echo none

The library is one SQLite file; docs/schema.md describes its tables. From Python: import vidlocal (docs/python-api.md).
"""

TOPICS = {"query": QUERY, "exit-codes": EXIT_CODES, "settings": SETTINGS, "scripting": SCRIPTING}
