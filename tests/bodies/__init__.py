"""Tests of `dissectors.bodies`."""
