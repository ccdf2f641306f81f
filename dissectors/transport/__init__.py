"""TCP and UDP: headers in columns, flows, and the streams of bytes that they carry."""
