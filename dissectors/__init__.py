"""From bytes to values: packets, streams, TLS, SIP and Microsoft's bodies.

Nothing here does I/O, reads a clock, logs or knows pandas. The floors, lowest first, each importing
only from those below it: errors; buffer, columns, markup, registry; capture; link; net; transport;
tls and rtp; sip; tracelog; body; bodies; stack.
"""
