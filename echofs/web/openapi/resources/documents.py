"""This document."""

from __future__ import annotations

from echofs.web.openapi.description import Answer, Parameter, Resource, Route, Verbatim
from echofs.web.openapi.parameters import ETAG_GIVEN

_IF_NONE_MATCH = Parameter("If-None-Match", "An etag in quotes: 304 if the document still has it.")
_CACHED = (ETAG_GIVEN, Parameter("Cache-Control", "`no-cache`: ask again before every use.", required=True))
_UNCHANGED = Answer("The client has it already.", media_type="", headers=_CACHED)

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
    },
)
