"""SIP (RFC 3261) as Lync and Skype for Business speak it: framing, messages, header values."""
