"""What the trusted mail server says about a mail, and what others only pretend."""

import authres
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailbot.mail import authenticity
from mailbot.mail.authenticity import Authentication, authentication
from mailbot.mail.parse import parse

TRUSTED = ("mx.example.org",)


def of(*fields: str, trusted: tuple[str, ...] = TRUSTED) -> Authentication:
    return authentication(parse(("\r\n".join(fields) + "\r\n\r\n").encode()), trusted)


PASS = (
    "Authentication-Results: mx.example.org;\r\n dkim=pass (2048-bit key; unprotected) header.d=example.com"
    ' header.i=@example.com header.b="Ab/=";\r\n spf=pass smtp.mailfrom=ann@bounce.example.com;\r\n'
    " dmarc=pass (p=reject dis=none) header.from=example.com"
)


def test_the_results_of_a_trusted_server() -> None:
    found = of("Received: from x", PASS, "From: ann@example.com")
    assert found == Authentication("pass", "bounce.example.com", (("pass", "example.com"),), "pass", "example.com")
    assert found.words() == "DKIM pass (example.com), SPF pass, DMARC pass"
    assert found.dmarc_pass_for("Ann@Example.COM")


@pytest.mark.parametrize(
    "address", ["ann@sub.example.com", "ann@com", "ann@example.com.evil.example", "", "example.org"]
)
def test_dmarc_passes_for_that_domain_alone(address: str) -> None:
    assert not of(PASS).dmarc_pass_for(address)


@pytest.mark.parametrize(
    "field",
    [
        PASS.replace("mx.example.org", "mx.example.net"),
        PASS.replace("mx.example.org", "xmx.example.org"),
        PASS.replace("mx.example.org", "(mx.example.org) mx.example.net"),
        PASS.replace("mx.example.org", '"mx.example.org;"'),
        PASS.replace("mx.example.org", "mx.example.org 2"),
        PASS.replace("mx.example.org;", ""),
        PASS.replace("Authentication-Results", "X-Authentication-Results"),
        PASS.replace("Authentication-Results", "ARC-Authentication-Results"),
        PASS + " (unclosed",
        PASS + ' "unclosed',
        PASS + " x" * 10_000,
        "Authentication-Results:",
        "Authentication-Results: mx.example.org; none",
        "Authentication-Results: mx.example.org",
    ],
)
def test_other_fields_say_nothing(field: str) -> None:
    assert of(field) == Authentication()
    assert of(field).words() == "not checked by a trusted mail server"


def test_without_trusted_servers_nothing_is_said() -> None:
    assert of(PASS, trusted=()) == Authentication()


@pytest.mark.parametrize(
    "name", ["MX.Example.ORG", "mx.example.org 1", "mx.example.org (the front)", "mx.example.org", '"mx.example.org"']
)
def test_the_trusted_name_is_compared_exactly_but_without_case(name: str) -> None:
    assert of(PASS.replace("mx.example.org", name)).dmarc == "pass"


def test_several_fields_of_one_server_are_one_block() -> None:
    found = of(
        "Received: by mx.example.org",
        "Authentication-Results: mx.example.org; dmarc=fail header.from=example.com",
        "Received-SPF: Pass",
        "Authentication-Results: mx.example.org; spf=softfail smtp.helo=h.example.com",
        "Authentication-Results: mx.example.org; dkim=fail header.i=@a.example; dkim=pass header.d=b.example",
    )
    assert found.words() == "DKIM fail (a.example), DKIM pass (b.example), SPF softfail, DMARC fail"


def test_a_forged_field_below_an_earlier_hop_is_not_read() -> None:
    found = of("Authentication-Results: mx.example.org; spf=fail smtp.mailfrom=x", "Received: from evil", PASS)
    assert (found.spf, found.dmarc, found.dkim) == ("fail", "", ())


def test_a_foreign_field_ends_the_block_and_one_above_does_not_matter() -> None:
    foreign = "Authentication-Results: other.example; dmarc=pass header.from=example.com"
    found = of(foreign, "Authentication-Results: mx.example.org; spf=fail smtp.mailfrom=x", foreign, PASS)
    assert (found.spf, found.dmarc) == ("fail", "")


@pytest.mark.parametrize("second", ["dmarc=fail header.from=example.com", "dmarc=pass header.from=evil.example"])
def test_a_server_that_contradicts_itself_about_dmarc_says_nothing(second: str) -> None:
    assert of(PASS, f"Authentication-Results: mx.example.org; {second}").dmarc == ""


@pytest.mark.parametrize(
    "hidden",
    [
        "spf=fail (dmarc=pass header.from=v.example) smtp.mailfrom=x",
        "spf=fail (a ; dmarc=pass header.from=v.example ) smtp.mailfrom=x",
        r"spf=fail (\) ; dmarc=pass header.from=v.example) smtp.mailfrom=x",
        "spf=fail ((nested) ; dmarc=pass header.from=v.example) smtp.mailfrom=x",
        'spf=fail smtp.mailfrom="; dmarc=pass header.from=v.example; x="@evil.example',
        "spf=fail smtp.mailfrom==?utf-8?q?x=3B_dmarc=3Dpass_header=2Efrom=3Dv=2Eexample?=@evil.example",
        "x-dmarc=pass header.from=v.example",
        "spf=fail dmarc=pass header.from=v.example",
    ],
)
def test_what_a_stranger_chose_becomes_no_result(hidden: str) -> None:
    found = of(f"Authentication-Results: mx.example.org; {hidden}")
    assert found.dmarc == ""
    assert not found.dmarc_pass_for("a@v.example")


@pytest.mark.parametrize(
    "value",
    [
        "mx.example.org 1; none",
        "mx.example.org; spf=pass smtp.mailfrom=example.net",
        "mx.example.org; auth=pass (cram-md5) smtp.auth=sender@example.net; spf=pass smtp.mailfrom=example.net",
        "mx.example.org; sender-id=fail header.from=example.com; dkim=pass (good signature) header.i=s@example.com",
        'mx.example.org; dkim=pass reason="good signature" header.i=@mail-router.example.net; dkim=fail reason="bad"'
        " header.i=@newyork.example.com",
        "mx.example.org; foo/1 = (x) pass (bar) header.b=c; dmarc=pass (p=NONE sp=NONE dis=NONE) header.from=x.example",
        "mx.example.org; spf=pass (google.com: domain of a@b.example designates 192.0.2.1 as permitted sender)"
        " smtp.mailfrom=a@b.example; dmarc=temperror header.from=b.example",
        'mx.example.org; spf=pass smtp.mailfrom="a b"@b.example; dkim=neutral header.d=b.example',
    ],
)
def test_authres_reads_the_same(value: str) -> None:
    theirs = [
        (result.method.lower(), result.result.lower())
        for result in authres.AuthenticationResultsHeader.parse_value(value).results
    ]
    ours = [(method, result) for method, result, _ in authenticity._results(value)]
    assert ours == theirs


@given(st.text(alphabet='ab=;.()"\\ \tdkimspfrc@', max_size=80))
def test_any_value_is_read_without_failing(value: str) -> None:
    found = of("Authentication-Results: mx.example.org; " + value.replace("\n", " "))
    found.words()
