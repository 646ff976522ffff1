"""Small files of every kind that the page can show, and files that try to run something in it."""

from __future__ import annotations

import struct
import zlib

SCRIPT = "fetch('/owned');top.owned=1;window.owned=1"
"""What must never run: a request that is noticed, and marks on the windows it can reach."""
MARKUP = "<img src=x onerror='top.owned=1'>"
SVG = f'<svg xmlns="http://www.w3.org/2000/svg" onload="{SCRIPT}"><script>{SCRIPT}</script></svg>'
HTML = f"<title>x</title><script>{SCRIPT}</script>{MARKUP}<iframe srcdoc='<script>{SCRIPT}</script>'></iframe>"
POLYGLOT = f"GIF89a/*\x00\x01\x00\x01\x00*/=1;{SCRIPT}//<script>{SCRIPT}</script>".encode()
"""A picture to some, a script to others, a page to those who look for tags."""


def png(width: int, height: int, colours: tuple[tuple[int, int, int], tuple[int, int, int]]) -> bytes:
    """A picture that goes from the first colour at the top to the second at the bottom."""
    (first, second), rows = colours, bytearray()
    for y in range(height):
        share = y / max(1, height - 1)
        pixel = bytes(round(one + (other - one) * share) for one, other in zip(first, second, strict=True))
        rows += b"\x00" + pixel * width
    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    parts = [(b"IHDR", header), (b"IDAT", zlib.compress(bytes(rows))), (b"IEND", b"")]
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data)) for kind, data in parts
    )


def wav(milliseconds: int) -> bytes:
    """Silence of that length."""
    data = b"\x80" * (8 * milliseconds)
    described = struct.pack("<4sIHHIIHH", b"fmt ", 16, 1, 1, 8000, 8000, 1, 8)
    return (
        struct.pack("<4sI4s", b"RIFF", 36 + len(data), b"WAVE")
        + described
        + b"data"
        + struct.pack("<I", len(data))
        + data
    )


def pdf(text: str) -> bytes:
    """A document of one page with a line of text, and a script for readers that run those."""
    page = f"BT /F1 28 Tf 60 700 Td ({text}) Tj ET".encode()
    objects = [
        b"<</Type/Catalog/Pages 2 0 R/OpenAction<</S/JavaScript/JS(app.alert\\(1\\))>>>>",
        b"<</Type/Pages/Kids[3 0 R]/Count 1>>",
        b"<</Type/Page/Parent 2 0 R/MediaBox[0 0 612 792]/Contents 4 0 R/Resources<</Font<</F1 5 0 R>>>>>>",
        b"<</Length %d>>stream\n%s\nendstream" % (len(page), page),
        b"<</Type/Font/Subtype/Type1/BaseFont/Helvetica>>",
    ]
    document, places = bytearray(b"%PDF-1.4\n"), []
    for number, content in enumerate(objects, 1):
        places.append(len(document))
        document += b"%d 0 obj" % number + content + b"endobj\n"
    table = b"".join(b"%010d 00000 n \n" % place for place in places)
    end = b"xref\n0 6\n0000000000 65535 f \n%strailer<</Size 6/Root 1 0 R>>\nstartxref\n%d\n%%%%EOF" % (
        table,
        len(document),
    )
    return bytes(document) + end


RECORDING = """async () => {
  const canvas = document.createElement("canvas");
  const recorder = new MediaRecorder(canvas.captureStream(20), { mimeType: "video/webm" });
  const pieces = [];
  recorder.ondataavailable = ({ data }) => pieces.push(data);
  const ended = new Promise((resolve) => { recorder.onstop = resolve; });
  const paint = canvas.getContext("2d");
  recorder.start();
  for (let at = 0; at < 6; at += 1) {
    paint.fillRect(at * 10, 0, 10, 10);
    await new Promise((resolve) => setTimeout(resolve, 40));
  }
  recorder.stop();
  await ended;
  return [...new Uint8Array(await new Blob(pieces).arrayBuffer())];
}"""
"""Makes a short video in the browser, as numbers."""

LANDSCAPE = """async (seed) => {
  const [sky, sun, hills] = [
    [["#20305e", "#f2a65a"], "#ffd9a0", ["#46426b", "#2f3358", "#1b2242"]],
    [["#8ec9f2", "#e8f4fb"], "#fff6cf", ["#a9c77d", "#6fa458", "#3d7a45"]],
    [["#f6d5c8", "#fdf3e4"], "#ffffff", ["#b7c6d9", "#7f9bbb", "#4f7298"]],
  ][seed];
  const canvas = Object.assign(document.createElement("canvas"), { width: 1200, height: 800 });
  const paint = canvas.getContext("2d");
  const air = paint.createLinearGradient(0, 0, 0, 600);
  sky.forEach((colour, at) => air.addColorStop(at, colour));
  paint.fillStyle = air;
  paint.fillRect(0, 0, 1200, 800);
  paint.fillStyle = sun;
  paint.beginPath();
  paint.arc(820 - seed * 190, 260 + seed * 20, 62, 0, 7);
  paint.fill();
  hills.forEach((colour, row) => {
    paint.fillStyle = colour;
    paint.beginPath();
    paint.moveTo(0, 800);
    const top = (x) => 420 + row * 110 + 46 * Math.sin(x / (210 - row * 40) + row * 2 + seed);
    for (let x = 0; x <= 1200; x += 4) paint.lineTo(x, top(x));
    paint.lineTo(1200, 800);
    paint.fill();
  });
  const picture = await new Promise((resolve) => canvas.toBlob(resolve, "image/png"));
  return [...new Uint8Array(await picture.arrayBuffer())];
}"""
"""Paints one of three landscapes in the browser; the picture's bytes, as numbers."""
