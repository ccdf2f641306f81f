"""Tables of users: presence, registrations, push notifications."""

from __future__ import annotations

from pipelines.schema.column import Column, Table
from pipelines.schema.common import (
    CALL_ID,
    CAPTURE,
    DIAGNOSTICS_CODE,
    FRAME,
    MESSAGE,
    STATUS,
    TIME,
    TO,
)

PRESENCE = Table(
    "presence",
    "One row per category of presence that a document tells of a contact, with what a resource "
    "list (rlmi) says of the contact's subscription; one per contact of a list without a document; "
    "one per legacyInterop that somebody publishes.",
    (
        MESSAGE,
        TIME,
        CAPTURE,
        FRAME,
        CALL_ID,
        Column("subscriber_uri", "text", "uri of the list: who subscribed."),
        Column("list_version", "integer", "version of the list (RFC 4662 §5.2)."),
        Column("full_state", "boolean", "fullState of the list."),
        Column(
            "contact_uri", "text", "uri of the resource; of a document without a list, its own."
        ),
        Column("instance_id", "text", "id of the instance; missing when the resource has none."),
        Column("state", "category", "active, pending, terminated, or Microsoft's resubscribe."),
        Column("reason", "category", "reason of the instance, such as forbidden."),
        Column("status_code", "integer", "statusCode of the instance: SIP-like."),
        Column("diagnostics_code", "integer", "msDiagCode of the instance."),
        Column("pool_fqdn", "text", "poolFqdn: where to resubscribe."),
        Column("content_id", "text", "cid of the instance without angle brackets."),
        Column(
            "part",
            "text",
            "Part that holds its state, as in `bodies`; missing when no part has that Content-ID.",
        ),
        Column("part_media_type", "category", "Media type of that part."),
        Column(
            "category",
            "category",
            "What the row is about: state, note, contactCard, …; tuple, person, device or note of "
            "PIDF, address of XPIDF, presentity, state or device of 2005. Missing without a "
            "document.",
        ),
        Column("category_instance", "integer", "instance of the category."),
        Column("publish_time", "time", "publishTime of the category, timestamp of PIDF."),
        Column("container", "integer", "container of the category: who may see it."),
        Column("cleared", "boolean", "Whether the category is empty, which takes it back."),
        Column("state_type", "category", "xsi:type of a state; others see the aggregateState."),
        Column("availability", "integer", "availability of a state: its number."),
        Column(
            "presence",
            "category",
            "What that number, or a word of another vocabulary, means: online, idle, busy, "
            "busy-idle, do-not-disturb, be-right-back, away, offline; unknown below 3000.",
        ),
        Column("basic", "category", "basic of PIDF (open, closed), status of XPIDF."),
        Column(
            "activity",
            "category",
            "token of the activity, else its custom text; activities of PIDF, comma-separated; "
            "msnsubstatus of XPIDF.",
        ),
        Column("manual", "boolean", "manual: whether the user set the state."),
        Column("last_active_time", "time", "lastActive of a state."),
        Column("note", "text", "Note, one row each; all notes of a PIDF element, one per line."),
        Column("note_type", "category", "personal, or OOF: out of facility."),
        Column("device", "text", "device of a state, machineName or name of a device."),
        Column("endpoint_id", "text", "endpointId or epid; id of a tuple, a person or an atom."),
        Column("display_name", "text", "Name of the contact, where a contact card tells it."),
    ),
)


SUBSCRIPTIONS = Table(
    "subscriptions",
    "One row per contact whose presence a dialog subscribes to: asked when, by whom, and answered "
    "how. A 200 OK to a batch says nothing about its contacts.",
    (
        Column(
            "message_id",
            "text",
            "SUBSCRIBE that asked for it first, on the subscriber's hop; missing when not seen.",
        ),
        Column("time", "time", "Time of that request; where it was not seen, of the first answer."),
        CAPTURE,
        Column("frame_number", "integer", "Frame of that time.", "frame.number"),
        CALL_ID,
        Column("flow_id", "category", "Flow of that frame, as in `flows`."),
        Column("src_ip", "category", "Address that the SUBSCRIBE came from.", "ip.src"),
        Column(
            "seen",
            "category",
            "What the capture shows: request, answer (the response to SUBSCRIBE, or a "
            "notification), or both.",
        ),
        Column(
            "form",
            "category",
            "batch: in a list of contacts, addressed to oneself; single: to the contact itself; "
            "list: to a list that the server keeps (RFC 4662). Missing where no request was seen.",
        ),
        Column("subscriber_uri", "text", "Who wants to know."),
        Column(
            "subscriber_kind",
            "category",
            "trusted application: its GRUU is a server's (opaque=srvr: or app:); UCMA application: "
            "its product is RTCC, with an endpoint of either kind; user: a user's endpoint. Missing"
            " where neither Contact nor product tells.",
        ),
        Column("user_agent", "category", "User-Agent of the SUBSCRIBE.", "sip.User-Agent"),
        Column("contact_uri", "text", "Whose presence; missing when a request's list was lost."),
        Column("route", "category", "Where the contact is, seen from the subscriber: see `calls`."),
        Column("categories", "text", "Categories that it asked for, comma-separated."),
        Column("expires_s", "integer", "Expires of the response, else of the request, seconds."),
        Column("requests", "integer", "SUBSCRIBE requests that asked for it."),
        Column("response_status", "integer", "Status code of the response to SUBSCRIBE."),
        Column("response_s", "seconds", "From the request to that response."),
        Column(
            "answer",
            "category",
            "What became of it: active (or its presence came), pending, terminated, resubscribe, "
            "as the list or Subscription-State says; refused: the whole SUBSCRIBE; silent: accepted"
            ", and nothing said of this contact. Missing when no answer was captured.",
        ),
        Column("last_state", "category", "State that was told last."),
        Column("reason", "category", "Why it ended or was refused, such as forbidden."),
        Column("status_code", "integer", "statusCode of the instance; of a refused SUBSCRIBE its."),
        Column("diagnostics_code", "integer", "msDiagCode of the instance, or of the response."),
        Column("pool_fqdn", "text", "poolFqdn: where to resubscribe."),
        Column("answer_message_id", "text", "Message that told `answer`."),
        Column("answer_time", "time", "Time of that message."),
        Column("answer_s", "seconds", "From the request to that message."),
        Column("presence_message_id", "text", "Message that brought a presence state first."),
        Column("presence_s", "seconds", "From the request to the first presence state."),
        Column("availability", "integer", "availability of that state: its number."),
        Column("presence", "category", "What it means, as in `presence`."),
        Column("basic", "category", "basic of that state: open or closed (PIDF)."),
        Column("activity", "category", "activity of that state."),
        Column(
            "reachable_s",
            "seconds",
            "From the request to the first state that lets people call the contact: basic open, or "
            "a presence that is neither offline nor unknown.",
        ),
        Column("notifications", "integer", "NOTIFY and BENOTIFY of the dialog, all contacts."),
        Column("end_time", "time", "When the subscriber ended it (Expires: 0, unsubscribe)."),
    ),
)


PUSH_NOTIFICATIONS = Table(
    "push_notifications",
    "One row per push notification (MESSAGE to the clearing house), joined to its answer.",
    (
        MESSAGE,
        TIME,
        CAPTURE,
        FRAME,
        CALL_ID,
        Column(
            "from_uri",
            "text",
            "URI of From: sip:McxUser… for a real notification.",
            "sip.from.addr",
        ),
        TO,
        Column("synthetic", "boolean", "Whether it is a test (Test-CsMcxPushNotification)."),
        STATUS,
        Column(
            "diagnostics_code",
            "integer",
            "Error id of the answer: 30000 accepted, 30007 test succeeded.",
        ),
        Column("answer_s", "seconds", "MESSAGE to its final response."),
        Column(
            "outcome",
            "category",
            "accepted, refused, unanswered (nothing came in 32 s, RFC 3261 §17.1.2.2), or unknown: "
            "an answer would not have been seen.",
        ),
        Column("outcome_reason", "text", "Why the outcome is unknown; missing when it is not."),
        Column(
            "peer",
            "category",
            "Who the copy captured nearest to the clearing house was sent to: its address, or its "
            "name where a trace log has only that.",
        ),
        Column("peer_answer_s", "seconds", "That copy to its final response."),
        Column(
            "user_uri",
            "text",
            "Mobile user that it is for, from sip:McxUserIDuser@domain; missing for a test.",
        ),
        Column(
            "call_key",
            "text",
            "message_id of the INVITE that it was sent for, as in `calls`; missing when none is "
            "found.",
        ),
        Column(
            "joined_by",
            "category",
            "What told that INVITE: conversation (Ms-Conversation-ID), or user and time (to the "
            "same user, at most 30 s apart).",
        ),
        Column(
            "call_fate",
            "category",
            "What became of it: answered (the app woke), answered_elsewhere (by another endpoint), "
            "missed (408, 480), cancelled (487), failed, or open (nothing final captured).",
        ),
        Column("call_status_code", "integer", "Final status of that INVITE.", "sip.Status-Code"),
        Column("wake_s", "seconds", "MESSAGE to the 2xx to that INVITE, when the app woke."),
        Column("waited_s", "seconds", "That INVITE to its final response, when it was missed."),
        Column(
            "content_length", "integer", "Content-Length of the notification.", "sip.Content-Length"
        ),
        Column("values", "text", "The notification's tree as a JSON object path → value."),
    ),
)


REGISTRATIONS = Table(
    "registrations",
    "One row per attempt of an endpoint to register, to refresh that or to take it back, with its "
    "challenges and redirections, on however many hops it was seen.",
    (
        Column("registration_id", "text", "message_id of the attempt that began the registration."),
        Column("message_id", "text", "First REGISTER of the attempt."),
        CAPTURE,
        FRAME,
        CALL_ID,
        Column("user_uri", "text", "URI of To: the address of record (RFC 3261 §10)."),
        Column("epid", "text", "epid of From: the endpoint; missing where the stack has none."),
        Column("contact_uri", "text", "Where the endpoint wants to be reached."),
        Column("user_agent", "category", "User-Agent of the endpoint."),
        Column(
            "client",
            "category",
            "Address of the sender of the first REGISTER on the hop seen first, or its name where "
            "a trace log has only that.",
        ),
        Column(
            "server", "category", "Whom the last REGISTER of the attempt was sent to, likewise."
        ),
        Column(
            "kind",
            "category",
            "initial, refresh, removal (Expires 0), or query (without Contact).",
        ),
        Column("start_time", "time", "First bit of the first REGISTER."),
        Column("end_time", "time", "Time of the response that ended the attempt."),
        Column("requests", "integer", "REGISTERs of the attempt, each once on whatever hops."),
        Column("challenges", "integer", "401 and 407 among the answers: rounds of authentication."),
        Column(
            "auth_scheme",
            "category",
            "Scheme that the endpoint used: NTLM, Kerberos, TLS-DSK, Digest, …; missing when it "
            "sent no credentials.",
        ),
        Column("offered_schemes", "category", "Schemes that the first challenge offered."),
        Column("redirected_to", "text", "Contact of a 3xx: the home server; missing without one."),
        Column("redirect_followed", "boolean", "Whether a REGISTER came after the 3xx."),
        Column(
            "delay_s",
            "seconds",
            "RFC 6076 §4.1: first REGISTER to the 200, challenges and redirection inside; of "
            "successful attempts only.",
        ),
        Column(
            "outcome",
            "category",
            "registered, removed, answered (a query), challenged (not tried again), challenge_loop "
            "(four challenges or more, and no success), redirected (not followed), rejected (403, "
            "404 and their like), failed (5xx, 6xx and other), timed_out (408, 504, or no answer "
            "in 32 s), or unknown (an answer would not have been seen).",
        ),
        Column("outcome_reason", "text", "Why the outcome is unknown; missing when it is not."),
        Column("status_code", "integer", "Last final status.", "sip.Status-Code"),
        Column("reason_phrase", "category", "Its reason phrase."),
        DIAGNOSTICS_CODE,
        Column("asked_expires_s", "integer", "Expiry that the endpoint asked for, seconds."),
        Column("expires_s", "integer", "Expiry that was granted, seconds."),
        Column("expiry_time", "time", "When the binding expires unless it is refreshed."),
        Column(
            "refreshes",
            "integer",
            "Refreshes that succeeded later in the same registration; of its first attempt.",
        ),
        Column(
            "fate",
            "category",
            "What became of the binding: refreshed, replaced (the endpoint began anew), removed "
            "(by the endpoint), deregistered (by the server), lapsed (expired and not refreshed), "
            "open (valid at the end of the capture), or unknown.",
        ),
        Column("fate_time", "time", "When that was; missing while open."),
        Column(
            "fate_reason",
            "text",
            "event of the server's text/registration-event, such as rejected; or why it is "
            "unknown.",
        ),
        Column(
            "fate_message_id",
            "text",
            "Message that tells it; of a binding that lapsed, the REGISTER that came too late.",
        ),
        Column(
            "fate_diagnostics_code",
            "integer",
            "Error id of the server's NOTIFY, such as 4141: the user was disabled.",
        ),
    ),
)
