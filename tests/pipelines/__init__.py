"""Tests of the road from files to tables and back to files."""
