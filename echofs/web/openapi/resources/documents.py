"""This document."""

from __future__ import annotations

from dataclasses import replace

from echofs.web.openapi.description import Answer, Parameter, Resource, Route, Verbatim
from echofs.web.openapi.parameters import ETAG_GIVEN
from echofs.web.page import DOCUMENT_HEADERS

_IF_NONE_MATCH = Parameter("If-None-Match", "An etag in quotes: 304 if the document still has it.")
_CACHED = (ETAG_GIVEN, Parameter("Cache-Control", "`no-cache`: ask again before every use.", required=True))
_UNCHANGED = Answer("The client has it already.", media_type="", headers=_CACHED)
_SAFE = tuple(
    Parameter(name, "What a browser may do with the page.", required=True)
    for name in sorted(DOCUMENT_HEADERS.keys() - {"Cache-Control", "Content-Security-Policy", "Referrer-Policy"})
)
_UNCHANGED_PAGE = replace(_UNCHANGED, headers=(*_CACHED, *_SAFE))

RESOURCE = Resource(
    "Document",
    "What you are reading.",
    {
        "documents.openapi": Route(
            "Get this document",
            {
                200: Answer(
                    "An OpenAPI 3.1 document.",
                    Verbatim({"type": "object", "required": ["openapi", "info", "paths"]}),
                    enveloped=False,
                    headers=_CACHED,
                ),
                304: _UNCHANGED,
            },
            headers=(_IF_NONE_MATCH,),
        ),
        "documents.docs": Route(
            "Read this document in a browser",
            {200: Answer("A page.", media_type="text/html", headers=(*_CACHED, *_SAFE)), 304: _UNCHANGED_PAGE},
            headers=(_IF_NONE_MATCH,),
        ),
    },
)
