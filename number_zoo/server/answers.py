"""The JSON responses of the API, which also define its OpenAPI description."""

from __future__ import annotations

from pydantic import BaseModel, Field

Box = tuple[float, float, float, float]


class Digit(BaseModel):
    """One digit of the predicted number."""

    digit: int = Field(ge=0, le=9)
    probability: float = Field(ge=0, le=1, description="Probability of this digit at its position")
    probabilities: list[float] = Field(description="Probabilities of the digits 0 to 9 there")
    attention: str | None = Field(
        description="Attention map over `crop`: a grey PNG as a data: URL; null unless `explain` "
        "is true"
    )


class Reading(BaseModel):
    """Prediction of one model for one image."""

    model: str
    number: str = Field(
        description='The digits; "" where there is no number, ending in "+" where there are more '
        "digits than the model can read"
    )
    confidence: float = Field(ge=0, le=1, description="Probability that the number is correct")
    box: Box | None = Field(
        description="Bounding box of the number: left, top, right and bottom in pixels of the "
        "upright image; null for a model without boxes, or if no number was found"
    )
    turn: int = Field(
        ge=0,
        le=3,
        description="Counter-clockwise quarter turns that make the number upright; 0 unless `all` "
        "is true or no number is read in the image as it is",
    )
    crop: Box = Field(description="Box of the last glimpse, in the same form")
    digits: list[Digit]
    length: list[float] | None = Field(
        description="Probabilities of 0, 1, 2, … digits, and of more than the model can "
        "read; null for a model of single digits"
    )


class Image(BaseModel):
    """One image of a request, in the order of the request: its predictions, or the error."""

    file: str | None = Field(description="File name in the request")
    width: int | None = Field(description="Width of the upright image in pixels")
    height: int | None
    readings: list[Reading] = Field(
        description="One for each model, in the order requested; with `all`, one for each number "
        "in reading order, grouped by model"
    )
    error: str | None


class Answer(BaseModel):
    """Predictions for all images of a request."""

    images: list[Image]
    milliseconds: float = Field(ge=0, description="From the arrival of the request to the response")


class Model(BaseModel):
    """A model of the server."""

    name: str
    reads: str = Field(description="Kinds of images that the model is for")
    input: tuple[int, int, int] = Field(description="Height, width and channels of its input")
    max_digits: int
    parameters: int
    finds_box: bool = Field(description="Whether it predicts the box of the number")
    finds_all: bool = Field(description="Whether it can read all numbers in an image: `all`")
    licence: str | None
    lexicon: int | None = Field(
        description="How many numbers the server's lexicon has, the only ones that are read by "
        "requests without a lexicon of their own; null if all are"
    )


class Models(BaseModel):
    """The models; the first is the default."""

    models: list[Model]


class Health(BaseModel):
    """Health and load of the server."""

    status: str = Field(examples=["ok"])
    waiting: int = Field(ge=0, description="Number of images that wait for a model")
    requests: int = Field(ge=0, description="Number of requests in progress")
