"""The library: an SQLite file and a folder of frame images. The only package with SQL."""
