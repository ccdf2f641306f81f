"""Workloads that look like Lync traffic, and how fast they are read."""
