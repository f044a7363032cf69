"""Moments to look at: tables for people, data for programs. Pure."""
