"""TLS: records, handshakes and, given keys, the plaintext."""
