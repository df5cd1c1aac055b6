"""A lexicon: the most probable of its numbers, or none."""

import tracemalloc

import numpy as np
import pytest
from PIL import Image, ImageDraw, ImageFont

import number_zoo
from number_zoo.command import main
from number_zoo.lexicon import Lexicon, read_lexicon
from number_zoo.predictions import Predictions
from number_zoo.published import SMALL_WEIGHTS


def _draw(text: str) -> Image.Image:
    image = Image.new("RGB", (160, 90), (90, 110, 130))
    draw = ImageDraw.Draw(image)
    draw.text((80, 45), text, fill="white", font=ImageFont.load_default(50), anchor="mm")
    return image


@pytest.fixture(scope="module")
def reader():
    return number_zoo.Reader(threads=1)


def _random_predictions(images: int, positions: int) -> Predictions:
    rng = np.random.default_rng(positions)
    logits = {
        "length_log_probs": rng.normal(scale=2, size=(images, positions + 2)),
        "digit_log_probs": rng.normal(scale=2, size=(images, positions, 10)),
    }
    arrays = {
        name: np.float32(values - np.log(np.exp(values).sum(-1, keepdims=True)))
        for name, values in logits.items()
    }
    if positions == 1:
        del arrays["length_log_probs"]
    return Predictions(arrays | {"crop": np.arange(4.0 * images).reshape(images, 4)})


@pytest.mark.parametrize("positions", [1, 2, 3])
def test_the_result_is_that_of_all_numbers_with_others_less_probable(positions):
    predictions = _random_predictions(40, positions)
    lengths = range(1, positions + 1)
    numbers = [f"{n:0{length}}" for length in lengths for n in range(10**length)]
    rng = np.random.default_rng(0)
    lexicon = rng.choice(numbers, len(numbers) // 2, replace=False).tolist()
    restricted = Lexicon(lexicon + lexicon[:9]).restrict(predictions)  # some twice
    readings = restricted.readings()
    for row, reading in enumerate(readings):
        digits = np.exp(predictions.arrays["digit_log_probs"][row].astype(float))
        length = np.array([0, 1, 0])
        if positions > 1:
            length = np.exp(predictions.arrays["length_log_probs"][row].astype(float))
        probability = {
            number: length[len(number)] * np.prod([digits[i, int(d)] for i, d in enumerate(number)])
            for number in numbers
        }
        inside = {number: probability[number] for number in lexicon}
        outside = sum(probability.values()) - sum(inside.values()) + length[-1]
        inside[""] = length[0] + 0.01 * outside
        best = max(inside, key=inside.get)
        assert reading.number == best
        assert reading.confidence == pytest.approx(inside[best] / sum(inside.values()), rel=1e-5)
    assert len({reading.number for reading in readings} - {""}) > 3
    np.testing.assert_array_equal(restricted.crops, predictions.crops)
    absent = np.arange(positions) >= restricted.arrays["length"][:, None]
    np.testing.assert_array_equal(restricted.arrays["digits"] == -1, absent)


def test_a_reading_that_is_in_the_lexicon_becomes_more_confident(reader):
    images = [_draw("175"), _draw("7")]
    before, after = reader.read(images), reader.read(images, ["12", "7", "175", "0175"])
    assert [reading.number for reading in after] == ["175", "7"]
    for one, other in zip(before, after, strict=True):
        assert one.confidence < other.confidence <= 1 and one.box == other.box


def test_a_number_outside_of_the_lexicon_is_not_read(reader):
    image, lexicon = _draw("175"), Lexicon(["12", "75", "17", "1175"])
    assert reader.read(image).number == reader.read_all(image)[0].number == "175"
    assert (
        reader.read(image, lexicon).number == number_zoo.read(image, lexicon=lexicon).number == ""
    )
    assert reader.read_all(image, lexicon) == number_zoo.read_all(image, lexicon=lexicon) == []
    (located,) = reader.read_all(image, ["12", "175"])
    assert located.number == "175" and located.score > 0.5


@pytest.mark.parametrize(("number", "other"), [("86", "98"), ("66", "99")])
def test_an_upright_number_is_not_read_upside_down_for_the_lexicon(number, other, reader):
    image = _draw(number)
    assert reader.read(image.rotate(180), [other]).number == other
    assert reader.read(image, [other]).number == "" and reader.read_all(image, [other]) == []


@pytest.mark.parametrize(
    ("numbers", "message"),
    [
        ([], "at least one number.*Received: none"),
        (["12", "12a", "", 7, "٣", "-1"], r"Received: '12a', '', 7, '٣', '-1'$"),
        ([f"{n}!" for n in range(9)], r"'4!', \.\.\.$"),
    ],
)
def test_what_is_no_lexicon_is_an_error(numbers, message):
    with pytest.raises(ValueError, match=message):
        Lexicon(numbers)


def test_one_number_is_no_lexicon(reader):
    with pytest.raises(TypeError, match="Received: one, '175'"):
        reader.read(_draw("175"), "175")


def test_numbers_that_the_reader_cannot_read_are_an_error():
    reader = number_zoo.Reader("street_numbers_small", threads=1)
    with pytest.raises(ValueError, match=r"has 123456, but .* at most 5 digits"):
        reader.read(_draw("175"), ["175", "123456"])


def test_one_long_number_takes_no_memory_for_all_others():
    numbers = [*map(str, range(1_000)), 100_000 * "1"]
    tracemalloc.start()
    try:
        lexicon = Lexicon(numbers)
        assert tracemalloc.get_traced_memory()[1] < 10_000_000
    finally:
        tracemalloc.stop()
    assert len(lexicon) == 1_001
    with pytest.raises(ValueError, match=rf"has {40 * '1'}, but .* at most 10 digits"):
        lexicon.check_length(10)


def test_the_command_takes_a_file_of_numbers(tmp_path, capsys):
    file = tmp_path / "start list.txt"
    file.write_bytes(b"\xef\xbb\xbf12\r\n\r\n 175 \r\n")
    images = [tmp_path / f"{number}.png" for number in ("12", "13", "175")]
    for path in images:
        _draw(path.stem).save(path)
    options = ["--weights", SMALL_WEIGHTS, "--lexicon", str(file), "--format", "csv"]
    for extra in ([], ["--all"]):
        assert main([*map(str, images), *options, *extra]) == 0
        rows = [line.split(",") for line in capsys.readouterr().out.splitlines()[1:]]
        assert [row[1] for row in rows] == ["12", "", "175"]


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"number\n12\n13B\n", "one number in each line: .*Received: 'number', '13B'$"),
        (b"\n \n", "Received: none"),
        (b"1\n\xff\xfe", "not a text file in UTF-8.*byte 0xff"),
    ],
)
def test_a_file_that_is_no_lexicon_is_an_error(data, message, tmp_path):
    file = tmp_path / "list.txt"
    file.write_bytes(data)
    with pytest.raises(ValueError, match=message) as error:
        read_lexicon(file)
    assert str(file) in str(error.value)


def test_the_output_stays_as_it_was_if_the_lexicon_is_none(tmp_path, capsys):
    image, output = tmp_path / "12.png", tmp_path / "numbers.csv"
    _draw("12").save(image)
    output.write_text("of another run")
    assert main([str(image), "--output", str(output), "--lexicon", str(tmp_path / "no.txt")]) == 2
    assert "no.txt: No such file" in capsys.readouterr().err
    assert output.read_text() == "of another run"
