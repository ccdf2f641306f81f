"""From captures and keys to tables, findings and files."""

__version__ = "0.1.0"
