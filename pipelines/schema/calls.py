"""Tables of calls, and of what failed."""

from __future__ import annotations

from pipelines.schema.column import Column, Table
from pipelines.schema.common import CALL_ID, CAPTURE, DIAGNOSTICS_CODE, FROM, TO

CALL_LEGS = Table(
    "call_legs",
    "One row per call and hop that its INVITE was seen on: how long each server held the call. Of "
    "an INVITE that was sent again (after a challenge, for example) the last counts.",
    (
        Column("call_key", "text", "Call, as in `calls`."),
        CAPTURE,
        CALL_ID,
        Column("leg", "integer", "Number of the leg, from the caller: 1 is the first captured."),
        Column(
            "previous_leg",
            "integer",
            "Leg that the INVITE came by; a fork gives several legs one previous leg.",
        ),
        Column("src_ip", "category", "Sender of the INVITE on this leg.", "ip.src"),
        Column("dst_ip", "category", "Its receiver: the element that this leg leads to.", "ip.dst"),
        Column(
            "side",
            "category",
            "internal: both addresses are private ones (RFC 1918, RFC 4193); external: one is not; "
            "missing where there is no address.",
        ),
        Column("message_id", "text", "INVITE on this leg."),
        Column("invite_time", "time", "Its time."),
        Column("first_response_s", "seconds", "INVITE to the first response, 100 included."),
        Column("ringback_s", "seconds", "INVITE to the first 180 or 183 on this leg."),
        Column("answer_s", "seconds", "INVITE to the 2xx on this leg."),
        Column("final_s", "seconds", "INVITE to the final response on this leg."),
        Column("status_code", "integer", "That response's status.", "sip.Status-Code"),
        Column(
            "held_invite_s",
            "seconds",
            "INVITE on the previous leg to INVITE on this one: how long the element between kept "
            "it; missing where two clocks took the times.",
        ),
        Column(
            "held_ringback_s",
            "seconds",
            "What this leg's receiver adds to the time until it rings: `ringback_s` minus that of "
            "the leg behind it which rang first. On the last leg captured it is all of "
            "`ringback_s`: that element, and what lies behind it. Missing where the legs behind it "
            "were captured, but not how they rang. Each leg's times are of one clock, so this "
            "holds across captures too.",
        ),
        Column("last", "boolean", "Whether no leg behind it was captured."),
    ),
)


SESSION_TIMERS = Table(
    "session_timers",
    "One row per dialog of an INVITE in which a session timer was asked for or agreed (RFC 4028).",
    (
        Column("dialog_id", "text", "message_id of the first message that has both its tags."),
        CAPTURE,
        CALL_ID,
        Column("from_tag", "text", "Tag of the caller.", "sip.from.tag"),
        Column("to_tag", "text", "Tag of the callee.", "sip.to.tag"),
        Column("from_uri", "text", "URI of the caller.", "sip.from.addr"),
        Column("to_uri", "text", "URI of the callee.", "sip.to.addr"),
        Column(
            "caller_product", "category", "User-Agent or Server of the caller.", "sip.User-Agent"
        ),
        Column(
            "callee_product", "category", "User-Agent or Server of the callee.", "sip.User-Agent"
        ),
        Column(
            "phone",
            "boolean",
            "Whether a side is a telephone number: a tel URI, or one with user=phone.",
        ),
        Column(
            "answer_time", "time", "Time of the 2xx to the first INVITE; missing when not seen."
        ),
        Column(
            "session_expires_s",
            "integer",
            "Interval that holds at the end, seconds: of the last 2xx that named one; missing when "
            "none did.",
            "sip.Session-Expires",
        ),
        Column(
            "asked_session_expires_s",
            "integer",
            "Session-Expires of the first INVITE, seconds.",
            "sip.Session-Expires",
        ),
        Column(
            "min_se_s",
            "integer",
            "Largest Min-SE that was named, seconds (RFC 4028 §5).",
            "sip.Min-SE",
        ),
        Column(
            "refresher", "category", "Who has to refresh: caller or callee; missing when not told."
        ),
        Column("too_small", "integer", "422 responses: the interval was too small (RFC 4028 §6)."),
        Column(
            "refreshes", "integer", "UPDATE and INVITE requests inside the dialog, copies apart."
        ),
        Column("refreshes_answered", "integer", "Of these, answered with a 2xx."),
        Column("last_refresh_time", "time", "Time of the last one."),
        Column("last_refresh_method", "category", "Its method."),
        Column("last_refresh_by", "category", "Who sent it: caller or callee."),
        Column("last_refresh_message_id", "text", "Its message_id."),
        Column("last_refresh_status", "integer", "Its final response; missing without one."),
        Column(
            "last_refresh_missing",
            "text",
            "Of the headers in `messages.session_headers`, those that the answer to the INVITE had "
            "and the answer to this refresh has not.",
        ),
        Column(
            "last_refresh_lost",
            "boolean",
            "Whether its final response was seen on one hop and never on the next, where the "
            "request had come from.",
        ),
        Column(
            "expiry_time",
            "time",
            "When the session expires: interval after the last answer that started the timer "
            "(RFC 4028 §7.2); an answer that got lost, or lacks its Contact, starts none.",
        ),
        Column("end_time", "time", "Time of BYE; missing while the call goes on."),
        Column("ended_by", "category", "Who sent BYE: caller or callee."),
        Column("end_message_id", "text", "message_id of BYE."),
        Column("duration_s", "seconds", "Answer to BYE."),
        Column("end_after_expiry_s", "seconds", "BYE minus `expiry_time`; negative: before it."),
        Column(
            "state",
            "category",
            "open: no BYE seen; ended: for another reason; expired: BYE came when the session "
            "expires, from 32 s (or a third of a short interval) before (RFC 4028 §10).",
        ),
    ),
)


CALLS = Table(
    "calls",
    "One row per attempt to set up a session with media or IM, however many hops and branches it "
    "was seen on.",
    (
        CALL_ID,
        CAPTURE,
        Column("call_key", "text", "message_id of the attempt's first INVITE."),
        FROM,
        TO,
        Column(
            "from_tag",
            "text",
            "Tag of From: with call_id it identifies the attempt.",
            "sip.from.tag",
        ),
        Column(
            "route", "category", "internal, federated, skype, pstn, conference, hybrid or unknown."
        ),
        Column("route_reason", "text", "What told the route."),
        Column(
            "modality",
            "category",
            "audio, video, im, applicationsharing, data, mixed; missing when not told.",
        ),
        Column("start_time", "time", "Time of the first INVITE."),
        Column("first_response_time", "time", "First response of any kind, 100 included."),
        Column(
            "first_provisional_time",
            "time",
            "First response that tells a status: neither 100 nor 101.",
        ),
        Column("ringing_time", "time", "First 180 or 183."),
        Column(
            "early_media_time",
            "time",
            "First 180 or 183 that describes media: from then on the callee's side may send sound.",
        ),
        Column("answer_time", "time", "First 2xx."),
        Column("ack_time", "time", "First ACK to the 2xx."),
        Column("end_time", "time", "BYE, or the final response of an unsuccessful attempt."),
        Column(
            "outcome",
            "category",
            "answered, busy, declined, cancelled, no_answer, timed_out, redirected, failed, "
            "challenged, unanswered (nothing final in the capture).",
        ),
        Column("status_code", "integer", "Final status of the attempt.", "sip.Status-Code"),
        Column("reason_phrase", "category", "Its reason phrase.", "sip.Reason-Phrase"),
        DIAGNOSTICS_CODE,
        Column("setup_delay_s", "seconds", "INVITE to its 2xx."),
        Column("ringback_delay_s", "seconds", "INVITE to the first 180 or 183: post-dial delay."),
        Column("early_media_delay_s", "seconds", "INVITE to `early_media_time`."),
        Column(
            "session_request_delay_s",
            "seconds",
            "RFC 6076 §4.3: INVITE to the first response that tells a status (neither 100 nor "
            "101), or to the final response.",
        ),
        Column("duration_s", "seconds", "RFC 6076 §4.5: 2xx to BYE; missing while open."),
        Column(
            "released_by", "category", "caller or callee; missing when no BYE or CANCEL was seen."
        ),
        Column("release_method", "category", "BYE or CANCEL, or rejected by a final response."),
        Column(
            "invites", "integer", "INVITEs of the attempt, over all hops, branches and repeats."
        ),
        Column(
            "hops",
            "integer",
            "Different host pairs that its INVITE was seen between; in a trace log, which names "
            "one of them, different topmost Vias.",
        ),
        Column(
            "branches",
            "integer",
            "Largest number of callee endpoints (To tags) that answered: forks.",
        ),
        Column("reinvites", "integer", "Re-INVITEs and UPDATEs inside the dialog."),
        Column("conversation_id", "text", "Ms-Conversation-ID."),
        Column("flow_id", "category", "Flow of the first INVITE."),
        Column("frame_number", "integer", "Frame of the first INVITE.", "frame.number"),
    ),
)


FAILURES = Table(
    "failures",
    "One row per request that failed for a user, on however many hops, with its first cause. "
    "Challenges, cancelled, busy and declined calls are no failures, nor is what a retry mended.",
    (
        Column(
            "transaction_id",
            "text",
            "The failed transaction nearest to who asked, as in `transactions`.",
        ),
        CAPTURE,
        CALL_ID,
        Column("cseq", "integer", "Sequence number.", "sip.CSeq.seq"),
        Column("method", "category", "Method of the request.", "sip.CSeq.method"),
        FROM,
        TO,
        Column("route", "category", "Route of a call, as in `calls`; missing for what is no call."),
        Column("peer_domain", "category", "Domain of To."),
        Column("start_time", "time", "Time of the request."),
        Column("response_s", "seconds", "Request to its final response."),
        Column("status_code", "integer", "Status that the sender got.", "sip.Status-Code"),
        Column("reason_phrase", "category", "Its reason phrase.", "sip.Reason-Phrase"),
        Column(
            "cause_message_id",
            "text",
            "The failed response captured farthest from the sender: nearest to where it began.",
        ),
        Column("cause_status_code", "integer", "Its status."),
        Column(
            "cause_code",
            "integer",
            "Error id of the innermost diagnosis in it, or else in a response nearer to the "
            "sender; ids that only say that the next hop gave no reason count last.",
        ),
        Column("cause_subcode", "integer", "Its sub-code."),
        Column("cause_reason", "text", "Its reason."),
        Column("cause_source", "category", "Server that said so."),
        Column("cause_component", "category", "Component that owns the range of the error id."),
        Column("hops", "integer", "Transactions that failed for it: one per hop and branch."),
    ),
)
