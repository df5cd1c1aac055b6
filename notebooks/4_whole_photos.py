# %% [markdown]
# # House numbers in whole photos
#
# "93 % on the test set, so why can't it read my photo?" Every open reader of house numbers is
# asked this. This notebook lets it happen: it trains the same small network twice, once on crops
# around the number and once on whole images, and shows both the same test images with more and
# more of the wall around the number. Then it locates numbers, and ends with a published reader on
# your photos.
#
# It takes about four minutes on two CPU cores.

# %%
from pathlib import Path

import project_root  # makes the packages of the project importable from this folder
import keras
import numpy as np

import datasets
import evaluation
import inference
import models
import number_zoo
from datasets.rendered_numbers.rendering import render, render_many, write_folder
from datasets.rendered_numbers.styles import DEFAULT, KINDS, WIDE

# %% tags=["parameters"]
photos = ""  # a folder of your own photos
folder = "runs/whole_photos"  # where the rendered images and the trained models are saved
count = 6000  # rendered images
architecture = "residual_cnn_small"  # trained here
weights = "text_transformer.any10"  # the published reader
steps = 1200  # batches of 32 images, twice
test_images = 600  # only the first so many test images; None for all

# %% [markdown]
# ## Rendered images beside photos
#
# Photos of house numbers that may be passed on are rare, so this project renders its own: digits
# of many fonts on walls and plates, in perspective, then what a camera makes of them: uneven
# light, blur, noise, JPEG. They cost nothing, their boxes are exact, and a seed always gives the
# same ones. The real photo is never far, though: set `photos`, and yours appear below.

# %%
close = [render(seed=4, index=index, style=DEFAULT) for index in range(12)]
datasets.show(
    [image.image for image in close],
    [image.label for image in close],
    columns=6,
    title="cropped as in SVHN",
)

# %%
scenes = [render(seed=5, index=index, style=WIDE) for index in range(12)]
datasets.show(
    [image.image for image in scenes],
    [image.label for image in scenes],
    columns=6,
    title="street scenes: the number covers 0.5 to 5 % of the image",
)

# %%
suffixes = {".jpg", ".jpeg", ".png", ".webp", ".heic"}
paths = sorted(Path(photos).rglob("*")) if photos else []
paths = [path for path in paths if path.suffix.lower() in suffixes]
own = [number_zoo.decode_image(path) for path in paths[:12]]
datasets.show(own, columns=6, title="your photos") if own else None

# %% [markdown]
# ## The same network, trained twice
#
# A small network is given 32 x 64 pixels. First it is trained on what the literature calls the
# SVHN task: the true box around the number, enlarged by 30 %.


# %%
def train(model, crop):
    rate = keras.optimizers.schedules.CosineDecay(2e-3, steps)
    model.compile(
        keras.optimizers.AdamW(rate, weight_decay=0.02), loss=models.losses(max_digits=5, box=True)
    )
    stream = datasets.load_training(
        folder,
        epochs=1,
        steps_per_epoch=steps,
        batch_size=32,
        seed=0,
        image_size=(32, 64),
        max_digits=5,
        crop=crop,
        augmentation=datasets.Augmentation.light(),
        with_boxes=True,
    )
    model.fit(stream, shuffle=False, verbose=0)
    model.save(f"{folder}/{crop}.keras")


write_folder(folder, render_many(seed=6, count=count, style=DEFAULT))
keras.utils.set_random_seed(0)
model = models.create(architecture, input_shape=(32, 64, 3), max_digits=5)
train(model, "union")

# %% [markdown]
# Then the same weights are trained for as long again on whole images, without any box around
# them. (Whole images from the start take longer: after 1,200 steps, 3 % of the numbers are read.
# Before a network can learn to read, it has to learn where to look.)

# %%
train(model, "full")

# %% [markdown]
# ## The figure that papers do not show
#
# `inference.Reader` runs a model on images of any size. Here each reads the test images five
# times: cropped to the true box, with more and more around it, and whole.

# %%
readers = {
    "trained on crops": inference.Reader(f"{folder}/union.keras", max_glimpses=1),
    "then on whole images": inference.Reader(f"{folder}/full.keras", max_glimpses=1),
}
results = evaluation.crop_accuracy(readers, folder, limit=test_images)

# %% tags=["cover"]
evaluation.plot_crop_accuracy(results)

# %% [markdown]
# After a minute of training on crops, two thirds of them are read: not bad for a network of 0.3
# million parameters. But it reads exactly such crops. From a crop twice as wide and high, or from
# the whole image, it reads one number in ten, and that is what a user's photo is. Both figures
# are true. The one in the paper is for a crop around a box that somebody drew by hand, and your
# photo comes without one. (A crop three times as wide and high, "+ 200 %", leaves nearly every
# image: more than half of it is the repeated edge, which neither model has been trained on.)
#
# After whole images, the same network reads crops nearly as well as before, and nearly five times
# as many whole images. Here are twelve numbers that it reads after the first training, as crops:

# %%
examples = [example for example in datasets.examples(folder, "test", limit=60) if example.label]
images = [number_zoo.decode_image(example.read()) for example in examples]
crops = [example.crop_box("union") for example in examples]
crop_reader = readers["trained on crops"]
numbers = crop_reader.predict(images, crops).decoded.numbers()
wrong = [number != example.label for number, example in zip(numbers, examples, strict=True)]
chosen = np.argsort(wrong, kind="stable")[:12]  # those that are read correctly come first
images, labels, crops = (
    [values[index] for index in chosen]
    for values in (images, [example.label for example in examples], crops)
)
evaluation.plot_glimpses(crop_reader, images, labels, crops=crops, title="around the true box")

# %% [markdown]
# Of the same twelve it reads one in the whole image. (Above a wrong one is what it is; "+" stands
# for more than five digits. Most of the confidences fall as well, so that a threshold would refuse
# these.)

# %%
evaluation.plot_glimpses(crop_reader, images, labels, title="whole images")

# %% [markdown]
# ## Locating, then reading
#
# Of a street scene, 32 x 64 pixels show no digit at all, however a model was trained. But a model
# that learns to predict the *box* of the number as well can look again: first at the whole image,
# then at the part around the box that it predicted, at full resolution. Each such part is a
# *glimpse*. The published readers take up to four of them, as long as they are unsure, and average
# what they read.
#
# With a single glimpse, the published reader is given this of the street scenes:

# %%
images = [image.image for image in scenes[:6]]
labels = [image.label for image in scenes[:6]]
one_glimpse = inference.Reader(weights, max_glimpses=1)
evaluation.plot_glimpses(one_glimpse, images, labels, title="one glimpse: the whole image")

# %% [markdown]
# And this with as many glimpses as it wants. The last glimpse of each image:

# %%
reader = inference.Reader(weights)
evaluation.plot_glimpses(reader, images, labels, title="the last glimpse")

# %% [markdown]
# No box was given: the crops come from the model's own predictions. The second number is found
# but misread. The fifth is read with a confidence of 99 % in the first glimpse, so that there is
# no second, and the last image has no number. The predicted box is in the reading:

# %%
readings = reader.read(images)
datasets.show(
    images,
    [reading.number for reading in readings],
    columns=6,
    boxes=[reading.box for reading in readings],
    title="predicted boxes and numbers",
)

# %% [markdown]
# ## Your photo
#
# `number_zoo.read(["photo.jpg"])`, or `python predict.py photo.jpg`, does the same for files.
# Every reading has a confidence, which is calibrated: of the readings with 90 %, about nine in
# ten are correct. So "I cannot read this" is an answer too, and a threshold chosen on photos like
# yours (`evaluate.py` prints it) says how often it is given. Here are your photos, or, without
# any, rendered images of another kind than the reader was tried on above:

# %%
labels = None
if not own:
    rendered = [render(seed=7, index=index, style=KINDS) for index in range(12)]
    own, labels = [image.image for image in rendered], [image.label for image in rendered]
readings = reader.read(own)
evaluation.plot_readings(
    own,
    [reading.number for reading in readings],
    [reading.confidence for reading in readings],
    labels,
    boxes=[reading.box for reading in readings],
    columns=6,
)

# %% [markdown]
# ## What next
#
# - If it cannot read yours: a folder with a hundred of them and a `labels.csv` is a data set, and
#   `python train.py --weights text_transformer.any10 --dataset my_photos:1,rendered_numbers:1
#   --validation my_photos` fine-tunes the reader in minutes.
# - `python evaluate.py runs/mine text_transformer.any10 --dataset my_photos` says whether it
#   helped; `--crop union` gives the figure for true boxes, beside the one that counts.
