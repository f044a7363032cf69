"""Exports of moments and libraries: edit lists, clips, sidecar files, data sets."""
