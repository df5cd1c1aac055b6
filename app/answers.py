"""The JSON that the API answers with, and so its OpenAPI description."""

from __future__ import annotations

from pydantic import BaseModel, Field

Box = tuple[float, float, float, float]


class Digit(BaseModel):
    """One digit of the number that was read."""

    digit: int = Field(ge=0, le=9)
    probability: float = Field(ge=0, le=1, description="That this is the digit at its place")
    probabilities: list[float] = Field(description="Of each digit, 0 to 9, at this place")
    heat: str | None = Field(
        description="Where the model looked for it, over `part`: a grey PNG as a data: address; "
        "null unless `explain` was asked for"
    )


class Reading(BaseModel):
    """What one model read in one image."""

    model: str
    number: str = Field(
        description='The digits; "" where there is no number, ending in "+" where there are more '
        "digits than the model can tell"
    )
    confidence: float = Field(ge=0, le=1, description="Probability that the number is right")
    box: Box | None = Field(
        description="Where the number is: left, top, right and bottom in pixels of the upright "
        "image; null for a model that does not say, or where there is no number"
    )
    part: Box = Field(description="The part of the image that was looked at last, likewise")
    digits: list[Digit]
    length: list[float] | None = Field(
        description="Probability of no digit, of one, of two …, and of more than the model can "
        "tell; null for a model of single digits"
    )


class Image(BaseModel):
    """One image of a request, in the order sent: what was read in it, or why it was not."""

    file: str | None = Field(description="The name it was sent with")
    width: int | None = Field(description="In pixels, upright")
    height: int | None
    readings: list[Reading] = Field(description="One for each model, in the order asked for")
    error: str | None


class Answer(BaseModel):
    """What was read."""

    images: list[Image]
    milliseconds: float = Field(ge=0, description="From the whole request to this answer")


class Model(BaseModel):
    """A model that the server reads with."""

    name: str
    reads: str = Field(description="What it is for")
    input: tuple[int, int, int] = Field(description="Height, width and channels of what it sees")
    max_digits: int
    parameters: int
    finds_box: bool = Field(description="Whether it says where the number is")
    licence: str | None


class Models(BaseModel):
    """The models, the one that is asked where none is named first."""

    models: list[Model]


class Health(BaseModel):
    """That the server reads, and how much it has to do."""

    status: str = Field(examples=["ok"])
    waiting: int = Field(ge=0, description="Images that wait for a model")
    requests: int = Field(ge=0, description="Requests to read images in hand")
