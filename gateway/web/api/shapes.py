"""What all bodies, queries and answers of the API are made of. The OpenAPI document is made from the same models."""

from typing import Annotated, Final

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

from gateway.web.cursors import MOST_DIGITS, whole_number

MOST_ID: Final = 10**MOST_DIGITS - 1


class Given(BaseModel):
    """What a caller sends. Nothing is guessed: no text is a number, and a field that is not known is a mistake."""

    model_config = ConfigDict(strict=True, frozen=True, extra="forbid")


class Nothing(Given):
    """An operation that takes no query."""


class ApiAnswer(BaseModel):
    """What a caller gets."""

    model_config = ConfigDict(frozen=True)


class Revised(ApiAnswer):
    """An answer with an ETag: what it says may be changed by whoever saw this revision (RFC 9110 section 13.1.1)."""

    revision: int


def whole(value: object) -> object:
    """To JSON Schema 1069.0 is an integer."""
    return int(value) if isinstance(value, float) and value.is_integer() else value


def digits(value: object) -> object:
    """A number of a query, in the one way in which JSON writes it."""
    number = whole_number(value) if isinstance(value, str) else None
    return value if number is None or str(number) != value else number


Time = Annotated[int, Field(ge=0, le=MOST_ID, description="Unix seconds, UTC."), BeforeValidator(whole)]
Before = Annotated[
    int,
    Field(ge=0, le=MOST_ID, description="`next` of the page before; 0 for the newest."),
    BeforeValidator(digits),
]
ReasonGiven = Annotated[str, Field(min_length=1, max_length=200, description="One line, for the audit log.")]
