"""Tests of :mod:`dissectors.tracelog`."""
