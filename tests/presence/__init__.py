"""Tests of `dissectors.presence`."""
