"""The OpenAPI 3.1 document of the API, made from the models by which it reads and answers."""

import re
from collections.abc import Mapping, Sequence
from typing import Any, Final, Literal

from pydantic import BaseModel, ConfigDict
from pydantic.json_schema import models_json_schema

from gateway.core.admin.acts import AdminAct
from gateway.web.api.operation import ETAG, AnyOperation, Call, Operation
from gateway.web.api.problems import PROBLEM_TYPE, ApiProblem
from gateway.web.api.shapes import ApiAnswer, Nothing, Revised

_REF: Final = "#/components/schemas/"
_PATHS: Final[Mapping[str, Mapping[str, str]]] = {
    "id": {"type": "string", "format": "uuid"},
    "session": {"type": "string"},
    "name": {"type": "string"},
    "reference": {"type": "string"},
}
_ALWAYS: Final = (400, 401, 403, 404, 500, 503)
_WITH_BODY: Final = (413, 415, 422)
_CONDITIONAL: Final = (412, 428)


class OpenApi(ApiAnswer):
    """This document."""

    model_config = ConfigDict(extra="allow")
    openapi: str


def with_document(operations: Sequence[AnyOperation], server: str) -> Sequence[AnyOperation]:
    """And one more that shows the document of all. server: the address below which the paths are."""

    async def show(_call: Call, _asked: Nothing) -> OpenApi:
        return said

    own = Operation("getDocument", "GET", "/openapi.json", "This document", AdminAct.LOOK, Nothing, OpenApi, show)
    every = (*operations, own)
    said = OpenApi.model_validate(document(every, server))
    return every


def document(operations: Sequence[AnyOperation], server: str) -> Mapping[str, Any]:
    """server: as with_document has it."""
    paths: dict[str, dict[str, Any]] = {}
    schemas = _schemas(operations)
    queries = {one.given.__name__ for one in operations if one.method == "GET"}
    for one in operations:
        paths.setdefault(one.path, {})[one.method.lower()] = _operation(one, schemas)
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Bastion console",
            "version": "1",
            "description": "The acts and pages of the console, for scripts. docs/admin.md says how to make a token.",
        },
        "servers": [{"url": server}],
        "security": [{"token": []}],
        "paths": paths,
        "components": {
            "schemas": {name: schema for name, schema in schemas.items() if name not in queries},
            "securitySchemes": {
                "token": {"type": "http", "scheme": "bearer", "description": "From `bastion admin token create`."}
            },
        },
    }


def _schemas(operations: Sequence[AnyOperation]) -> dict[str, Any]:
    wanted = dict[tuple[type[BaseModel], Literal["validation", "serialization"]], None]()  # each once, in order
    for one in operations:
        wanted[one.given, "validation"] = None
        wanted[one.answer, "serialization"] = None
    wanted[ApiProblem, "serialization"] = None
    _, found = models_json_schema(list(wanted), ref_template=_REF + "{model}")
    schemas: dict[str, Any] = found["$defs"]
    return schemas


def _operation(one: AnyOperation, schemas: Mapping[str, Any]) -> Mapping[str, Any]:
    found: dict[str, Any] = {
        "operationId": one.name,
        "summary": one.summary,
        "parameters": _parameters(one, schemas),
        "responses": _responses(one),
    }
    if one.method != "GET":
        schema = {"$ref": _REF + one.given.__name__}
        found["requestBody"] = {"required": True, "content": {"application/json": {"schema": schema}}}
    return found


def _parameters(one: AnyOperation, schemas: Mapping[str, Any]) -> Sequence[Mapping[str, Any]]:
    found: list[Mapping[str, Any]] = [
        {"name": name, "in": "path", "required": True, "schema": _PATHS[name]}
        for name in re.findall(r"\{(\w+)\}", one.path)
    ]
    if one.method == "GET":
        asked = schemas[one.given.__name__].get("properties", {})
        found += [{"name": name, "in": "query", "required": False, "schema": schema} for name, schema in asked.items()]
    if one.conditional:
        schema = {"type": "string", "pattern": ETAG}
        found.append({"name": "If-Match", "in": "header", "required": True, "schema": schema})
    return found


def _responses(one: AnyOperation) -> Mapping[str, Any]:
    good: dict[str, Any] = {
        "description": "done",
        "content": {"application/json": {"schema": {"$ref": _REF + one.answer.__name__}}},
    }
    if issubclass(one.answer, Revised):
        good["headers"] = {"ETag": {"required": True, "schema": {"type": "string", "pattern": ETAG}}}
    refused = {
        "description": "a problem (RFC 9457)",
        "content": {PROBLEM_TYPE: {"schema": {"$ref": _REF + ApiProblem.__name__}}},
    }
    with_body = _WITH_BODY if one.method != "GET" else ()
    statuses = sorted({*_ALWAYS, *with_body, *(_CONDITIONAL if one.conditional else ()), *one.may})
    return {"200": good} | {str(status): refused for status in statuses}
