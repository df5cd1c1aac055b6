# %% [markdown]
# # From logistic regression to a CNN on MNIST
#
# Two models read the same handwritten digits: a linear one with 7,850 weights that can be looked
# at directly, and a convolutional network. This notebook trains both, looks inside them, and asks
# of each: how often is it right, on which digits is it wrong, and does it know when it is?
#
# Each step is one call of the project's API: `datasets` for images, `models` for Keras models,
# `evaluation` for figures. It takes about two minutes on two CPU cores.

# %%
from pathlib import Path

import project_root  # makes the packages of the project importable from this folder

import datasets
import evaluation
import models

# %% tags=["parameters"]
folder = "runs/mnist"  # where the trained models are saved
images = 25_600  # training images, of 55,000
epochs = 4
test_images = 10_000  # of 10,000

# %% [markdown]
# ## The images
#
# `datasets.load` gives a `tf.data.Dataset` of images in [0, 255] and of labels as arrays. MNIST has
# 60,000 training images, the last 5,000 of which are kept for validation, and 10,000 for the test
# at the end. (On the first use, TensorFlow Datasets downloads 11 MB.)

# %%
batch, labels = next(iter(datasets.load("mnist", "train", limit=36)))
datasets.show(batch, labels, columns=12, title="Training images of MNIST and their labels")

# %% [markdown]
# ## A linear model
#
# Logistic regression multiplies each of the 784 pixels by a weight and adds them up, once for each
# of the ten digits; the largest sum is the answer. A model of the zoo is a plain `keras.Model`. It
# scales images itself, and outputs logits for the digits of a number: here of numbers with one
# digit.

# %%
linear = models.create("logistic_regression", input_shape=(28, 28, 1), max_digits=1)
print(f"{linear.count_params():,} parameters; output digits: {linear.output['digits'].shape}")


# %% [markdown]
# `models.losses` is −log P(label | image), the cross entropy, and `SequenceAccuracy` adds scores on
# validation images to the history of each epoch. The rest is Keras.


# %%
def train(model):
    model.compile("adam", loss=models.losses(max_digits=1))
    steps = images // 128
    batches = datasets.load_training(
        "mnist", epochs=epochs, steps_per_epoch=steps, batch_size=128, limit=images, seed=0
    )
    scores = models.SequenceAccuracy(datasets.load("mnist", "validation", limit=images))
    fit = {"epochs": epochs, "steps_per_epoch": steps, "shuffle": False, "verbose": 0}
    return model.fit(batches, callbacks=[scores], **fit)


histories = {"logistic_regression": train(linear)}

# %% [markdown]
# A weight for each pixel is an image too. Ink on red raises the sum of that digit, ink on blue
# lowers it: what a linear model knows of a 0 is that its centre is empty. One template for each
# digit has to fit all handwritings at once, and a digit that is moved by a few pixels meets the
# wrong weights. (The speckle at the border is what the weights were initialized with: no digit has
# ink there, so training has not changed them.)

# %% tags=["cover"]
evaluation.plot_weights(
    linear,
    "digit_logits",
    titles=[*"0123456789"],
    columns=5,
    title="Weights of the linear model: red for ink, blue against",
)

# %% [markdown]
# ## What convolution adds
#
# `shallow_cnn` looks for small patterns, the same everywhere in the image: two layers of 5 x 5
# filters, each followed by max pooling, which forgets exactly where a pattern was. A dense layer
# then combines them.

# %%
cnn = models.create("shallow_cnn", input_shape=(28, 28, 1), max_digits=1)
histories["shallow_cnn"] = train(cnn)
print(f"{cnn.count_params():,} parameters")

# %% [markdown]
# The filters of its first layer have 5 x 5 pixels. Some have become detectors of an edge or of a
# stroke at some angle; many still look as they were initialized.

# %%
evaluation.plot_weights(cnn, "conv1", columns=16, title="The 32 filters of the first convolution")

# %% [markdown]
# A feature map shows where in an image a filter has found its pattern. The first layer answers to
# the strokes of this digit by their direction; the second, at half the resolution, to combinations
# of them: corners, ends, crossings.

# %%
evaluation.plot_feature_maps(cnn, batch[0], ["conv1", "conv2"])

# %% [markdown]
# ## Learning curves

# %%
evaluation.plot_learning_curves(histories)

# %% [markdown]
# The convolutional network is better after its first epoch than the linear model will ever be:
# trained ten times as long, the linear one of the README's table reads 92.6 % of the test images.
# More training does not help a model that cannot express the answer.
#
# ## Mistakes
#
# `evaluation.compare` runs saved models on the same test images, which neither has seen. It takes
# run folders of `train.py`, published weights or `.keras` files. Above each image below: what is
# read, with which confidence, and what the label is.

# %%
Path(folder).mkdir(parents=True, exist_ok=True)
files = [f"{folder}/linear.keras", f"{folder}/cnn.keras"]
linear.save(files[0])
cnn.save(files[1])
comparison = evaluation.compare(files, "mnist", limit=test_images, timing=False)

# %%
evaluation.plot_mistakes(comparison, files[0], count=16)

# %%
evaluation.plot_mistakes(comparison, files[1], count=16)

# %% [markdown]
# The linear model confidently misreads digits that nobody would hesitate over. What the
# convolutional network gets wrong is mostly hard for people, and some labels are arguable. Which
# digits are taken for which is told by the confusion matrix; the diagonal, of correct digits, is
# left without colour.

# %%
evaluation.plot_confusion(comparison.results[0], title="Mistakes of the linear model")

# %% [markdown]
# ## Does it know when it is wrong?
#
# The softmax of the logits is a probability. It is *calibrated* if, of all images that are read
# with a confidence of 80 %, 80 % are correct: then the curve lies on the dashed line. Above it a
# model is underconfident, below it overconfident. (Bars are 95 % intervals; faint points have less
# than ten images.)

# %%
evaluation.plot_reliability(comparison)

# %% [markdown]
# Calibrated or not, a confidence that is higher for correct readings is of use: refuse the images
# below a threshold, and the others are read better. *Coverage* is the fraction that remains.

# %%
evaluation.plot_coverage(comparison)

# %% [markdown]
# ## The table
#
# `python evaluate.py runs/mnist/linear.keras runs/mnist/cnn.keras --dataset mnist` prints the same
# and writes a report, a page with all of these figures. The constant answer is a baseline that does
# not look at the image at all. The last line is a paired test (McNemar): whether the difference
# could be luck, from the images that only one of the two reads correctly.

# %%
evaluation.show(comparison)

# %% [markdown]
# ## What next
#
# - Longer training, a moving average of the weights and slightly shifted and rotated images take
#   the same network to 99.5 %: `python train.py shallow_cnn --dataset mnist`.
# - The next notebook reads numbers of several digits.
# - Try `models.create("shallow_cnn", filters=(8, 16), kernel_size=3)`: every argument of a model is
#   listed by `help(models.shallow_cnn.shallow_cnn)`.
