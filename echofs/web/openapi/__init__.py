"""The OpenAPI document of the public API, made from the code.

Addresses and methods come from Flask's routing table, proofs of identity from :data:`echofs.web.access.ACCESS`, request
bodies from the schemas that the views load, error codes from the classes of ``core.errors`` and their statuses. What no
code says (meanings, the form of answers, examples) stands in :mod:`echofs.web.openapi.resources`, one module for each
resource, and the tests hold every answer they see against it.

Nothing here is imported before somebody asks for the document, and nothing of it lies on the path of any other request.
"""
