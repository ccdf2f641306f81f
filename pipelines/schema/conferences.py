"""Tables of conferences."""

from __future__ import annotations

from pipelines.schema.column import Column, Table
from pipelines.schema.common import CALL_ID, CAPTURE, FRAME, FROM, MESSAGE, STATUS, TIME, TO

CONFERENCE_INVITES = Table(
    "conference_invites",
    "One row per invitation to a conference (application/ms-conf-invite+xml).",
    (
        MESSAGE,
        TIME,
        CAPTURE,
        FRAME,
        CALL_ID,
        FROM,
        TO,
        Column("focus_uri", "text", "URI of the conference's focus."),
        Column("conference_id", "text", "Conference id: what follows id: in the focus URI."),
        Column("subject", "text", "Subject of the conference."),
        Column("modalities", "text", "Modalities that are available, comma-separated."),
        STATUS,
        Column(
            "answer_s", "seconds", "INVITE to its final response: the time a person took to accept."
        ),
    ),
)


CONFERENCE_COMMANDS = Table(
    "conference_commands",
    "One row per conference command (application/cccp+xml), joined to its answer.",
    (
        MESSAGE,
        TIME,
        CAPTURE,
        FRAME,
        CALL_ID,
        Column("kind", "category", "request, notify, or response (whose request was not seen)."),
        Column("request_id", "text", "requestId."),
        Column("verb", "category", "Command, such as addUser."),
        Column("from_uri", "text", "from of the command."),
        Column("to_uri", "text", "to of the command."),
        Column("conference_id", "text", "Conference id from the keys or the URIs."),
        Column("mcu_uri", "text", "mcuUri: the MCU that the command is for."),
        Column(
            "code",
            "category",
            "code of the final answer: success, failure; pending when no other came.",
        ),
        Column("reason", "text", "reason of the answer."),
        Column("result", "category", "result of the command in the answer, as endorseUser has."),
        Column("diagnostics", "text", "diagnostics-info of the answer: a JSON object key → value."),
        Column("answer_message_id", "text", "Message with the final answer."),
        Column("answer_s", "seconds", "Command to its final answer."),
    ),
)


_SEEN_IN_CONFERENCE = "as in `messages`; missing when not seen."


CONFERENCE_JOINS = Table(
    "conference_joins",
    "One row per participant's join of a conference and modality: the dialogs with inviter, focus "
    "and MCU put together by organiser and conference id, with what each step took. A join that "
    "got to no modality has one row.",
    (
        Column("join_id", "text", "message_id of its first message; rows of one join share it."),
        CAPTURE,
        Column("conference_id", "text", "Conference id: what follows id: in the URIs."),
        Column("organiser", "text", "Address of the conference's organiser."),
        Column("user_uri", "text", "URI of the participant."),
        Column("epid", "text", "epid of the participant's endpoint."),
        Column("user_agent", "category", "User-Agent of the participant's client."),
        Column(
            "entry",
            "category",
            "invited; direct: no invitation was seen, as by a link or the calendar; telephone: "
            "dialled in; called: the MCU called; missing when no focus dialog tells it.",
        ),
        Column(
            "modality", "category", "MCU: audio-video, chat, applicationsharing …; missing: none."
        ),
        Column(
            "outcome",
            "category",
            "joined; refused; incomplete: it stopped and nobody said why; lobby: waiting there; "
            "left: the participant gave up; declined: the invitation, or the MCU's call; "
            "unanswered: that as well; present: the invited one was in the conference; unknown: "
            "the capture does not show the client that had to go on.",
        ),
        Column(
            "stopped_at",
            "category",
            "Step that it did not get past: invitation, focus, addUser, lobby, media (no or a "
            "refused INVITE to an MCU), ice; missing when joined.",
        ),
        Column("reason", "text", "What was said about it: status, reason of C3P, diagnosis."),
        Column("status_code", "integer", "Status of the response that stopped it."),
        Column("diagnostics_code", "integer", "Its error id."),
        Column("not_seen", "text", "Steps that the capture does not show, comma-separated."),
        Column(
            "client_seen",
            "boolean",
            "Whether requests of the participant's own client pass the capture: only then an "
            "INVITE that is not there was not sent.",
        ),
        Column(
            "lost_bytes", "integer", "Bytes that the capture lacks of the connections it came over."
        ),
        Column(
            "waited_s",
            "seconds",
            "Last step seen to the end of the capture, or of that dialog; missing when joined.",
        ),
        Column("invite_time", "time", "Time of the invitation."),
        Column("accept_time", "time", "Its 2xx, nearest to the invited client."),
        Column("focus_time", "time", "First INVITE to the focus."),
        Column("focus_answer_time", "time", "Final response of the focus."),
        Column("add_user_time", "time", "Final answer to addUser."),
        Column("lobby_time", "time", "Since when it waited in the lobby."),
        Column("admitted_time", "time", "When it was let in from there."),
        Column("media_time", "time", "First INVITE to, or from, the MCU."),
        Column("media_answer_time", "time", "Its 2xx, or the last refusal."),
        Column(
            "ice_time", "time", "Answer to the INVITE with ICE's conclusion (RFC 5245 §9.1.2.1)."
        ),
        Column("connected_time", "time", "First roster that shows the modality as connected."),
        Column("joined_time", "time", "`ice_time`, or without it the MCU's 2xx."),
        Column("accept_s", "seconds", "Invitation to its final response: a person's time."),
        Column("begin_s", "seconds", "Acceptance to the first INVITE to the focus."),
        Column("focus_s", "seconds", "First INVITE to the focus to its 2xx."),
        Column("add_user_s", "seconds", "addUser to its final answer."),
        Column("lobby_s", "seconds", "Wait in the lobby: a person's time."),
        Column(
            "client_s",
            "seconds",
            "2xx of the focus, or admission, to the INVITE to the MCU: work of the client; missing "
            "for a modality that was added later.",
        ),
        Column("media_s", "seconds", "First INVITE to the MCU to its 2xx."),
        Column("ice_s", "seconds", "2xx of the MCU to `ice_time`."),
        Column("connected_s", "seconds", "INVITE to the MCU to `connected_time`."),
        Column(
            "join_s",
            "seconds",
            "Acceptance (else the first INVITE seen; of an added modality its own) to "
            "`joined_time`, without the lobby; missing where the MCU called: a person answers.",
        ),
        Column(
            "later",
            "boolean",
            "Whether the modality was added later: a first one 60 s after the focus was done, a "
            "further one 10 s after.",
        ),
        Column("tries", "integer", "INVITE dialogs for the modality, or else with the focus."),
        Column("invitation_call_id", "text", "Call-ID of the invitation."),
        Column("focus_call_id", "text", "Call-ID of the dialog with the focus."),
        Column("media_call_id", "text", "Call-ID of the dialog with the MCU."),
        Column("invitation_message_id", "text", f"Invitation, {_SEEN_IN_CONFERENCE}"),
        Column("focus_message_id", "text", f"INVITE to the focus, {_SEEN_IN_CONFERENCE}"),
        Column("media_message_id", "text", f"INVITE to the MCU, {_SEEN_IN_CONFERENCE}"),
        Column("stop_message_id", "text", "Message that stopped it; missing without one."),
    ),
)


CONFERENCE_PARTICIPANTS = Table(
    "conference_participants",
    "One row per change of a conference's roster (application/conference-info+xml): of a user, of "
    "one of its endpoints, or of one of their media.",
    (
        MESSAGE,
        TIME,
        CAPTURE,
        FRAME,
        CALL_ID,
        Column("conference_uri", "text", "entity: URI of the conference's focus."),
        Column("conference_id", "text", "Conference id: what follows id: in that URI."),
        Column("version", "integer", "version of the document."),
        Column("document", "category", "state of the document: full, partial, deleted."),
        Column(
            "complete",
            "boolean",
            "False where an earlier document is missing or was cut: others may be in the "
            "conference whom no row tells.",
        ),
        Column("level", "category", "What changed: user, endpoint, media."),
        Column("change", "category", "added, changed, removed."),
        Column("user_uri", "text", "entity of the user."),
        Column("display_text", "text", "Name of the user."),
        Column("roles", "category", "Roles of the user, comma-separated: presenter, attendee."),
        Column("endpoint_id", "text", "entity of the endpoint."),
        Column("session_type", "category", "Microsoft's session-type: focus, chat, audio-video."),
        Column(
            "status",
            "category",
            "Status of the endpoint: connected, dialing-out, disconnected …; of what was removed "
            "the last that was told.",
        ),
        Column("previous_status", "category", "Its status before this document."),
        Column("joining_method", "category", "dialed-in, dialed-out, focus-owner."),
        Column("disconnection_method", "category", "departed, booted, failed, busy."),
        Column("disconnection_reason", "text", "reason of disconnection-info."),
        Column("media_id", "text", "id of the media."),
        Column("media_type", "category", "type of the media, such as audio."),
        Column("media_label", "category", "label of the media, as in the SDP."),
        Column("media_status", "category", "sendrecv, sendonly, recvonly, inactive."),
        Column("media_state", "category", "Microsoft's media-state, such as connected."),
    ),
)
