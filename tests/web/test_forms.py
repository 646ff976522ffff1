"""Multipart forms read as they arrive, however the bytes are cut."""

from __future__ import annotations

import base64
import hashlib
import tracemalloc
from collections.abc import Sequence

import pytest

from echofs.core.errors import BodyMismatch, EchoError, InvalidRequest, TooLarge, UnsupportedType
from echofs.web.forms import MAX_FIELD_BYTES, MAX_PARTS, Form
from tests.web.bare_requests import Trickle, bare_request

BOUNDARY = "----echo42"
CONTENT = b"first\r\n--" + BOUNDARY.encode()[:-1] + b"\r\n\r--\r\n--\0\xff last\r"
"""Bytes that come as near to the boundary as they may."""


class Collected:
    """A sink that remembers."""

    def __init__(self) -> None:
        self.data = bytearray()
        self.writes = 0

    def write(self, data: bytes, /) -> None:
        self.data += data
        self.writes += 1


def part(name: str, data: bytes, *, filename: str | None = None, extra: str = "") -> bytes:
    disposition = f'form-data; name="{name}"' + ("" if filename is None else f'; filename="{filename}"')
    return f"--{BOUNDARY}\r\nContent-Disposition: {disposition}\r\n{extra}\r\n".encode() + data + b"\r\n"


def body_of(*parts: bytes) -> bytes:
    return b"".join(parts) + f"--{BOUNDARY}--\r\n".encode()


FILE = part("file", CONTENT, filename="a.txt", extra="Content-Type: text/plain\r\n")


def read(
    body: bytes, *, step: int = 1 << 30, content_type: str | None = None, headers: dict[str, str] | None = None
) -> tuple[Form, Collected]:
    sink = Collected()
    form = Form(sink)
    kind = content_type if content_type is not None else f"multipart/form-data; boundary={BOUNDARY}"
    sent = {"Content-Type": kind, **(headers or {})}
    form.read(bare_request(Trickle(body, step), method="POST", length=str(len(body)), headers=sent))
    return form, sink


@pytest.mark.parametrize(
    "parts",
    [
        [FILE],
        [part("path", b"x/y"), FILE],
        [FILE, part("path", b"x/y")],
        [part("path", b"x/y"), FILE, part("consistency", b"strong")],
    ],
    ids=["alone", "last", "first", "between"],
)
def test_the_file_and_the_fields_are_found_in_any_order(parts: Sequence[bytes]) -> None:
    form, sink = read(body_of(*parts))
    assert bytes(sink.data) == CONTENT
    assert (form.filename, form.content_type) == ("a.txt", "text/plain")
    assert form.fields.get("path", "x/y") == "x/y"
    assert "file" not in form.fields
    assert len(form.fields) == len(parts) - 1


WHOLE = body_of(part("path", "日本/x".encode()), FILE, part("consistency", b"strong"))


def test_it_does_not_matter_how_the_body_is_cut() -> None:
    for step in range(1, len(WHOLE) + 1):
        form, sink = read(WHOLE, step=step)
        assert bytes(sink.data) == CONTENT, step
        assert form.fields == {"path": "日本/x", "consistency": "strong"}, step


def test_a_form_that_ends_early_is_refused_wherever_it_ends() -> None:
    for length in range(len(WHOLE) - len(b"--\r\n")):
        with pytest.raises(InvalidRequest):
            read(WHOLE[:length])


def test_a_form_shorter_than_its_declared_length_is_refused_though_its_last_boundary_came() -> None:
    form = Form(Collected())
    headers = {"Content-Type": f"multipart/form-data; boundary={BOUNDARY}"}
    with pytest.raises(BodyMismatch):
        form.read(bare_request(WHOLE, length=str(len(WHOLE) + 5), headers=headers))


def test_text_around_the_parts_is_ignored() -> None:
    form, sink = read(b"preamble\r\n" + body_of(FILE) + b"epilogue" * 1000)
    assert bytes(sink.data) == CONTENT
    assert form.filename == "a.txt"


@pytest.mark.parametrize("data", [b"", b"\r\n", b"--", b"\r\n--", b"x" * (3 << 20)], ids=lambda data: repr(data[:8]))
def test_a_file_of_any_bytes_even_none_arrives_as_it_is(data: bytes) -> None:
    form, sink = read(body_of(part("file", data, filename="f")))
    assert bytes(sink.data) == data
    assert form.filename == "f"


def test_a_file_without_a_name_or_type_is_a_file() -> None:
    form, sink = read(body_of(part("file", b"x")))
    assert (form.filename, form.content_type, bytes(sink.data)) == ("", "", b"x")


@pytest.mark.parametrize("parts", [[], [part("path", b"x")], [part("File", b"x", filename="f")], [part("", b"x")]])
def test_a_form_without_a_file_part_is_refused(parts: list[bytes]) -> None:
    with pytest.raises(InvalidRequest) as caught:
        read(body_of(*parts))
    assert caught.value.field == "file"


def test_a_second_file_part_is_refused() -> None:
    with pytest.raises(InvalidRequest, match="two file parts") as caught:
        read(body_of(FILE, FILE))
    assert caught.value.field == "file"


@pytest.mark.parametrize(
    "content_type", ["multipart/form-data", "multipart/form-data; boundary=", 'multipart/form-data; boundary=""']
)
def test_a_form_without_a_boundary_is_refused(content_type: str) -> None:
    with pytest.raises(UnsupportedType):
        read(WHOLE, content_type=content_type)


def test_a_form_with_another_boundary_than_declared_is_refused() -> None:
    with pytest.raises(InvalidRequest):
        read(WHOLE, content_type="multipart/form-data; boundary=other")


@pytest.mark.parametrize(
    ("sent", "name"),
    [
        ("日本.txt", "日本.txt"),
        ("a b;c=d.txt", "a b;c=d.txt"),
        ("50% off.txt", "50% off.txt"),
        ("%2e%2e%2f", "%2e%2e%2f"),
        ("quote%22quote", 'quote"quote'),
        ("line%0D%0Abreak", "line\r\nbreak"),
        ('legacy\\"quote', 'legacy"quote'),
        ("back\\slash", "back\\slash"),
        ("../../etc/passwd", "../../etc/passwd"),
        ("\u202egnp.exe", "\u202egnp.exe"),
        ("\U0001f600", "\U0001f600"),
        ("", ""),
    ],
)
def test_file_names_are_read_as_browsers_write_them(sent: str, name: str) -> None:
    assert read(body_of(part("file", b"x", filename=sent)))[0].filename == name


def bad_header(line: bytes) -> bytes:
    return body_of(f"--{BOUNDARY}\r\n".encode() + line + b"\r\n\r\nx\r\n")


@pytest.mark.parametrize(
    "body",
    [
        bad_header(b'Content-Disposition: form-data; name="file"; filename="\xff\xfe"'),
        bad_header(b'Content-Disposition: attachment; name="file"'),
        bad_header(b"Content-Type: text/plain"),
        bad_header(b"no colon"),
        bad_header(b" continuation of nothing"),
        bad_header(b'Content-Disposition: form-data; name="file"\r\nContent-Length: 99'),
        bad_header(b'Content-Disposition: form-data; name="file"\r\nContent-Length: ' + b"9" * 4000),
        body_of(part("path", b"\xff\xfe"), FILE),
        b"x" + body_of(FILE),
        b"\0" * 1000,
    ],
)
def test_a_malformed_part_is_refused(body: bytes) -> None:
    with pytest.raises(InvalidRequest) as caught:
        read(body)
    assert not isinstance(caught.value, TooLarge)


@pytest.mark.parametrize(
    "body",
    [
        bad_header(b'Content-Disposition: form-data; name="file"; filename="' + b"n" * 10_000 + b'"'),
        bad_header(b"X: " + b"y" * (1 << 20)),
        f"--{BOUNDARY}\r\n".encode() + b"X" * (1 << 20),
        bad_header(b"\r\n".join(b"X: y" for _ in range(20))),
        body_of(part("path", b"x" * (MAX_FIELD_BYTES + 1)), FILE),
        body_of(*[part("field", b"x")] * MAX_PARTS, FILE),
    ],
    ids=["long name", "long header", "endless header", "many headers", "long field", "many parts"],
)
@pytest.mark.parametrize("step", [1 << 30, 1000])
def test_what_is_too_long_or_too_many_is_refused_as_too_large(body: bytes, step: int) -> None:
    with pytest.raises(TooLarge):
        read(body, step=step)


def test_a_field_may_have_exactly_the_longest_length_and_a_form_the_most_parts() -> None:
    form, _ = read(body_of(part("long", b"x" * MAX_FIELD_BYTES), *[part("f", b"")] * (MAX_PARTS - 2), FILE))
    assert len(form.fields["long"]) == MAX_FIELD_BYTES


class Endless:
    """A body made as it is read, so that the test itself needs no memory for it."""

    def __init__(self, start: bytes, unit: bytes, total: int) -> None:
        self.read_bytes = 0
        self._start = start
        self._unit = unit * (1 + (64 << 10) // len(unit))
        self._total = total

    def read(self, size: int, /) -> bytes:
        if self.read_bytes >= self._total:
            return b""
        data = (self._start or self._unit)[:size]
        self._start = b""
        self.read_bytes += len(data)
        return data


def peak_of(body: Endless) -> tuple[int, EchoError | None]:
    """The most memory that reading the form took, and how it ended."""
    headers = {"Content-Type": f"multipart/form-data; boundary={BOUNDARY}"}
    request = bare_request(length=str(1 << 40), headers=headers)
    request.environ["wsgi.input"] = body

    class Nothing:
        def write(self, data: bytes, /) -> None:
            return

    tracemalloc.start()
    try:
        Form(Nothing()).read(request)
    except EchoError as error:
        return tracemalloc.get_traced_memory()[1], error
    finally:
        tracemalloc.stop()
    raise AssertionError("an endless form was accepted")


def test_a_million_parts_are_refused_before_they_are_read() -> None:
    unit = part("a", b"")
    body = Endless(b"", unit, total=1_000_000 * len(unit))
    peak, error = peak_of(body)
    assert isinstance(error, TooLarge)
    assert body.read_bytes < 2 << 20
    assert peak < 8 << 20


@pytest.mark.parametrize(
    ("start", "unit"),
    [
        (part("file", b"", filename="f")[:-2], b"x"),
        (part("file", b"", filename="f")[:-2], b"\r"),
        (part("file", b"", filename="f")[:-2], b"\r\n--" + BOUNDARY.encode()[:-1]),
        (b"", b"preamble"),
        (b"", b"\r"),
        (body_of(FILE), b"epilogue"),
    ],
    ids=["content", "carriage returns", "near boundaries", "preamble", "preamble of carriage returns", "epilogue"],
)
def test_sixty_four_mebibytes_of_anything_take_little_memory(start: bytes, unit: bytes) -> None:
    peak, error = peak_of(Endless(start, unit, total=64 << 20))
    assert isinstance(error, BodyMismatch)
    assert peak < 8 << 20


def test_a_digest_declared_for_the_body_is_checked() -> None:
    def headers(data: bytes) -> dict[str, str]:
        return {"Content-Digest": f"sha-256=:{base64.b64encode(hashlib.sha256(data).digest()).decode()}:"}

    assert bytes(read(WHOLE, headers=headers(WHOLE))[1].data) == CONTENT
    with pytest.raises(BodyMismatch, match="SHA-256"):
        read(WHOLE, headers=headers(CONTENT))
