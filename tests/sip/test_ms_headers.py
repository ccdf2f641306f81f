"""Microsoft's headers and parameters, as traces show them."""

from __future__ import annotations

from dissectors.sip import ms_headers


def test_a_via_of_an_edge() -> None:
    via = ms_headers.decode_ms_via(
        "SIP/2.0/TLS 155.25.24.23:22321;received=111.221.22.73;branch=z9hG4bK9C46E3C8;"
        'branched=TRUE;ms-internal-info="bjLizr";ms-received-port=22321;'
        "ms-received-cid=15225400;x=1"
    )
    assert (via.received, via.received_port, via.received_cid) == (
        "111.221.22.73",
        22321,
        "15225400",
    )
    assert (via.branched, via.internal_info, via.parameters) == (True, "bjLizr", {"x": "1"})


def test_a_via_of_others() -> None:
    via = ms_headers.decode_ms_via("SIP/2.0/UDP a.test;rport=5062;branched=perhaps")
    assert (via.received_port, via.received_cid, via.branched) == (5062, None, None)


def test_a_route_without_signature() -> None:
    route = ms_headers.decode_ms_route("<sip:a.test;lr>;ms-ent-dest=x")
    assert (route.host, route.port, route.front_end) == ("a.test", None, None)
    assert (route.loose, route.signed) == (True, False)
    assert route.parameters == {"ms-ent-dest": "x"}
    assert ms_headers.decode_ms_route("<sip:a.test;ms-rrsig=1>").signed


def test_trust_of_an_edge() -> None:
    trust = ms_headers.decode_edge_message_trust(
        "ms-source-type=DirectPartner;ms-ep-fqdn=edge.litwareinc.com;"
        "ms-source-verified-user=verified;ms-source-network=federation;more=1"
    )
    assert (trust.source_type, trust.edge_fqdn) == ("DirectPartner", "edge.litwareinc.com")
    assert (trust.verified_user, trust.network, trust.name) == ("verified", "federation", None)
    assert trust.parameters == {"more": "1"}


def test_marks_of_domains_and_users() -> None:
    assert ms_headers.decode_split_domain_info("ms-traffic-type=SplitIntra").traffic_type == (
        "SplitIntra"
    )
    level = ms_headers.decode_asserted_verification_level("ms-source-verified-user=verified")
    assert level.verified_user == "verified"
    user = ms_headers.decode_user_data("ms-publiccloud=TRUE;ms-federation=no;x=y")
    assert (user.flags, user.parameters) == (
        {"ms-publiccloud": True, "ms-federation": False},
        {"x": "y"},
    )
    assert ms_headers.decode_user_logon_data(" RemoteUser").remote
    assert not ms_headers.decode_user_logon_data("LocalUser").remote


def test_keep_alive_asked_for_and_granted() -> None:
    asked = ms_headers.decode_keep_alive("UAC;hop-hop=yes")
    assert (asked.side, asked.hop_hop, asked.timeout_s) == ("UAC", True, None)
    granted = ms_headers.decode_keep_alive("UAS; tcp=no; hop-hop=yes; end-end=no; timeout=300")
    assert (granted.tcp, granted.end_end, granted.timeout_s) == (False, False, 300)
    assert ms_headers.decode_keep_alive("UAS;timeout=soon").timeout_s is None


def test_notes_of_applications_and_places() -> None:
    via = ms_headers.decode_application_via(
        "note;ms-server=fe01.a.test;ms-pool=pool.a.test;ms-application=urn:x;a=b"
    )
    assert (via.note, via.server, via.pool) == ("note", "fe01.a.test", "pool.a.test")
    assert (via.application, via.parameters) == ("urn:x", {"a": "b"})
    assert ms_headers.decode_application_via("ms-server=fe01").server == "fe01"
    place = ms_headers.decode_endpoint_location_data("NetworkScope;ms-media-location-type=Internet")
    assert (place.scope, place.location_type) == ("NetworkScope", "Internet")


def test_history() -> None:
    entry = ms_headers.decode_history_info(
        '<sip:kim@a.test>;index=1.1;ms-target-phone="tel:+15550100";ms-retarget-reason=teamcall'
    )
    assert (entry.uri, entry.index) == ("sip:kim@a.test", "1.1")
    assert (entry.target_phone, entry.retarget_reason) == ("tel:+15550100", "teamcall")


def test_conversations() -> None:
    forms = {
        "Ac9BJWSFXbNAUkvDpraN55qkIGneRA==": "thread-index",
        "AdEFw/9C2p8Y9g5qS0iHcX2V6Cw1EQ==": "thread-index",
        "1234567890": "digits",
        "urn:x": "other",
    }
    for value, form in forms.items():
        assert ms_headers.decode_conversation_id(f" {value}").form == form
