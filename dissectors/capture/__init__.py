"""Capture files → batches of packets; one file per format."""
