"""The JSON that the API answers with, and so its OpenAPI description."""

from __future__ import annotations

from pydantic import BaseModel, Field

Box = tuple[float, float, float, float]


class Digit(BaseModel):
    """One digit of the predicted number."""

    digit: int = Field(ge=0, le=9)
    probability: float = Field(ge=0, le=1, description="That this is the digit at its place")
    probabilities: list[float] = Field(description="Of each digit, 0 to 9, at this place")
    attention: str | None = Field(
        description="Attention map over `crop`: a grey PNG as a data: URL; null unless `explain` "
        "is true"
    )


class Reading(BaseModel):
    """Prediction of one model for one image."""

    model: str
    number: str = Field(
        description='The digits; "" where there is no number, ending in "+" where there are more '
        "digits than the model can tell"
    )
    confidence: float = Field(ge=0, le=1, description="Probability that the number is right")
    box: Box | None = Field(
        description="Bounding box of the number: left, top, right and bottom in pixels of the "
        "upright image; null for a model without boxes, or where no number was found"
    )
    turn: int = Field(
        ge=0,
        le=3,
        description="Counter-clockwise quarter turns that make the number upright; 0 unless `all` "
        "is true, or no number is read upright",
    )
    crop: Box = Field(description="Region of the last glimpse, in the same form")
    digits: list[Digit]
    length: list[float] | None = Field(
        description="Probability of no digit, of one, of two …, and of more than the model can "
        "tell; null for a model of single digits"
    )


class Image(BaseModel):
    """One image of a request, in the order sent: its predictions, or the error."""

    file: str | None = Field(description="The name it was sent with")
    width: int | None = Field(description="In pixels, upright")
    height: int | None
    readings: list[Reading] = Field(
        description="One for each model, in the order asked for; with `all` those of all numbers "
        "in reading order, all of the first model first"
    )
    error: str | None


class Answer(BaseModel):
    """Predictions for all images of a request."""

    images: list[Image]
    milliseconds: float = Field(ge=0, description="From the whole request to this answer")


class Model(BaseModel):
    """A model of the server."""

    name: str
    reads: str = Field(description="What it is for")
    input: tuple[int, int, int] = Field(description="Height, width and channels of what it sees")
    max_digits: int
    parameters: int
    finds_box: bool = Field(description="Whether it says where the number is")
    finds_all: bool = Field(description="Whether it reads all numbers in an image: `all`")
    licence: str | None


class Models(BaseModel):
    """The models; the first is the default."""

    models: list[Model]


class Health(BaseModel):
    """Health and load of the server."""

    status: str = Field(examples=["ok"])
    waiting: int = Field(ge=0, description="Images that wait for a model")
    requests: int = Field(ge=0, description="Requests to read images in hand")
