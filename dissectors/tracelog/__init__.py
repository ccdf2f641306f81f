"""Microsoft's text traces → SIP messages: what Snooper opens.

======================= ==========================================================================
`tracelog.encoding`     chunks of a file in UTF-8, UTF-16 or a code page → text in UTF-8
`tracelog.split`        text → records, other components' lines passed over
`tracelog.pasted`       undoes what web pages do to a record
`tracelog.ocslogger`    a record of OCSLogger or CLSLogger → a message or a diagnostic
`tracelog.raw_message`  a message inside a record as it was on the wire, as UCMA traces it
`tracelog.uccapilog`    a packet in a client's log → messages
`tracelog.record`       what these have in common
`tracelog.reader`       windows of a file → all of the above
======================= ==========================================================================

The grammars are not published. They are read off records that Microsoft and others printed in
support articles, and every reader here is tolerant where two of these differ.
"""
