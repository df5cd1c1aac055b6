# %% [markdown]
# # Numbers of several digits
#
# A house number has one digit or five. A classifier with one class for each number would need
# 111,110 classes, most of them never seen. Goodfellow et al. (2013) ask the network for the
# *length* and for the digit at each position instead, all from the same features, with no
# cutting into single digits. This notebook trains such a reader on numbers composed of MNIST
# digits, computes its loss and its answer by hand, shows a score that lies, and looks at where the
# network looks.
#
# It takes about two minutes on two CPU cores.

# %%
from pathlib import Path

import project_root  # makes the packages of the project importable from this folder
import keras
import numpy as np

import datasets
import evaluation
import models

# %% tags=["parameters"]
folder = "runs/numbers"  # where the trained model is saved
images = 20_000  # training images, of 20,000
epochs = 6
test_images = 2_000  # of 2,000

# %% [markdown]
# ## The images
#
# `mnist_numbers/small` places one to five MNIST digits beside each other, with varying size, slant
# and contrast. No MNIST digit of a test image occurs in a training image. (Its first use composes
# 24,000 images, for a minute.)

# %%
size = (28, 72)
data = {"source": "mnist_numbers/small", "image_size": size}
batch, labels = next(iter(datasets.load(split="train", batch_size=32, with_boxes=True, **data)))
datasets.show(batch, labels, title="Numbers of one to five digits, and the box around each")

# %% [markdown]
# A label is a `length` and five `digits`; −1 stands where there is no digit. It is not an eleventh
# class: what the network says at such a position is never asked for.

# %%
for name in ("length", "digits"):
    print(name, labels[name][:3].numpy().tolist())

# %% [markdown]
# ## One head for the length, one for each digit
#
# `residual_cnn` reduces the image to a map of features. For the length and for each of the five
# positions, a learned softmax over that map, its *attention*, says from where to take the features;
# then one linear layer gives 7 logits for the length (0 to 5, and "more than 5") and another 10
# logits for each digit.

# %%
keras.utils.set_random_seed(0)
model = models.create(
    "residual_cnn",
    input_shape=(*size, 1),
    max_digits=5,
    stem_filters=16,
    filters=(24, 48),
    blocks=(1, 3),
    dropout=0.1,
    locate=False,
)
print(f"{model.count_params():,} parameters")
for name, output in model.output.items():
    print(f"{name}: {output.shape}")

# %% [markdown]
# ## The loss
#
# Given the image X, the length L and the digits are taken as independent:
#
# ```
# P(S | X) = P(L | X) · P(S₁ | X) · … · P(S_L | X)
# ```
#
# The loss is −log P(S | X): the cross entropy of the length plus that of each digit *that is
# there*. `models.losses` gives one Keras loss for each output, and Keras adds them up. For the
# first image, with the untrained model:

# %%
outputs = model.predict(batch[:1], verbose=0)
truth = {name: labels[name][:1].numpy() for name in ("length", "digits")}
length, digits = int(truth["length"][0]), truth["digits"][0]
p_length = np.array(keras.ops.softmax(outputs["length"]))[0]
p_digits = np.array(keras.ops.softmax(outputs["digits"]))[0]
by_hand = -np.log(p_length[length]) - sum(np.log(p_digits[i, digits[i]]) for i in range(length))
by_keras = sum(
    float(loss(truth[name], outputs[name])) for name, loss in models.losses(max_digits=5).items()
)
print(f"by hand: {by_hand:.4f} nats, models.losses: {by_keras:.4f} nats")
print(f"a uniform guess: {np.log(7) + length * np.log(10):.4f} nats")

# %% [markdown]
# Training is Keras's `fit`. The learning rate decays to zero, which is worth several epochs in so
# short a training.

# %%
steps = images // 64
schedule = keras.optimizers.schedules.CosineDecay(2e-3, epochs * steps)
model.compile(keras.optimizers.Adam(schedule), loss=models.losses(max_digits=5))
history = model.fit(
    datasets.load_training(
        epochs=epochs, steps_per_epoch=steps, batch_size=64, seed=0, limit=images, **data
    ),
    epochs=epochs,
    steps_per_epoch=steps,
    shuffle=False,
    verbose=0,
    callbacks=[models.SequenceAccuracy(datasets.load(split="validation", limit=images, **data))],
)
evaluation.plot_learning_curves({"residual_cnn": history}, "val_loss")

# %% [markdown]
# ## Decoding
#
# Which number is the most probable? Not simply the best length with the best digits: a length is
# only worth what the digits at its positions are. Since the best digit at a position does not
# depend on the length, it is enough to add up: a running sum of the best log-probability at each
# position, plus log P(L), and then the largest.
#
# The example in the paper's appendix: the length is probably 3, less probably 4; the first three
# digits are certain, the fourth is not.

# %%
p_length = np.array([0.002, 0.002, 0.002, 0.9, 0.09, 0.002, 0.002])
p_digits = np.full((5, 10), 0.1)
for position, (digit, p) in enumerate([(1, 0.9), (7, 0.9), (5, 0.9), (1, 0.2)]):
    p_digits[position] = (1 - p) / 9
    p_digits[position, digit] = p

best = np.log(p_digits.max(axis=1))
total = 0.0
for length in range(6):
    total += best[length - 1] if length else 0.0
    print(
        f"length {length}: log P(L) {np.log(p_length[length]):7.4f} + digits {total:7.4f} "
        f"= {np.log(p_length[length]) + total:8.4f}"
    )

# %% [markdown]
# The largest is at length 3: the answer is 175, with a probability of exp(−0.42) = 66 %. (The paper
# prints −7.27 and −8.32 at lengths 1 and 2, a slip that does not change the answer.) The library
# does the same for a batch, and `evaluation.plot_decoding` draws it.

# %%
example = {"length": np.log(p_length)[None], "digits": np.log(p_digits)[None]}
decoded = models.decode_predictions(example)
print(decoded.numbers(), f"{np.exp(decoded.log_probability[0]):.1%}")
evaluation.plot_decoding(example)

# %% [markdown]
# The same for a test image, the one that the trained model is least certain of among the first
# 128:

# %%
test_batch, test_labels = next(iter(datasets.load(split="test", batch_size=128, **data)))
outputs = model.predict(test_batch, verbose=0)
decoded = models.decode_predictions(outputs)
hardest = int(np.argmin(decoded.log_probability))
print(f"label: {datasets.label_texts(test_labels)[hardest]}, read: {decoded.numbers()[hardest]}")
evaluation.plot_decoding(
    {name: values[hardest : hardest + 1] for name, values in outputs.items()}, test_batch[hardest]
)

# %% [markdown]
# ## A score that lies
#
# It is tempting to give absent digits a class of their own and to average the accuracy over all
# five positions. On that *slot accuracy*, one constant answer, which never looks at an image, does
# well: at the last positions "no digit" is mostly right. *Sequence accuracy* counts an image when
# the length and every digit are right; it is the score of this project. On the same 128 images:


# %%
def slots(texts):
    """Digits of each text at five positions, −1 where there is none."""
    return np.array([[*map(int, text), *[-1] * (5 - len(text))] for text in texts])


def scores(read, truth):
    same = read == truth
    return {"slot accuracy": same.mean(), "sequence accuracy": same.all(axis=1).mean()}


train_slots = slots([label for _, label in datasets.labels(data["source"], "train", limit=images)])
most_common = [np.bincount(column + 1).argmax() - 1 for column in train_slots.T]
constant = "".join("–" if digit < 0 else str(digit) for digit in most_common)
test_slots = slots(datasets.label_texts(test_labels))
evaluation.plot_scores(
    {
        f"constant answer “{constant}”": scores(np.array(most_common), test_slots),
        "residual_cnn": scores(decoded.digits, test_slots),
    },
    title="One answer for all images, and a model that reads",
)

# %% [markdown]
# The constant answer scores on slots and reads next to nothing; of the model, too, slot accuracy is
# the more flattering score. With real house numbers it is worse. Of SVHN's training images, 70 %
# have less than three digits: saying "no digit" at the last three positions is worth more than half
# of the points before a single digit is read.

# %%
lengths = {1: 5137, 2: 18130, 3: 8691, 4: 1434, 5: 9}  # of SVHN's training images
shorter = [sum(n for k, n in lengths.items() if k < position) for position in (3, 4, 5)]
print(f"{sum(shorter) / 5 / sum(lengths.values()):.1%} slot accuracy from three empty positions")

# %% [markdown]
# ## Where it looks
#
# The attention of each position is a map over the image that sums to 1: the features of that digit
# come from where it is bright. Nobody told the network where the digits are. It was given images
# and labels, and found out that the second digit of a label is what stands second from the left.

# %% tags=["cover"]
readings, texts = decoded.numbers(), datasets.label_texts(test_labels)
chosen = [index for index, text in enumerate(texts) if len(text) >= 3][:4]
evaluation.plot_saliency(
    model, [test_batch[index] for index in chosen], [readings[index] for index in chosen]
)

# %% [markdown]
# ## The table
#
# On all test images, with the images it misreads most confidently (above each: what is read, with
# which confidence, and what the label is):

# %%
Path(folder).mkdir(parents=True, exist_ok=True)
model.save(f"{folder}/residual_cnn.keras")
comparison = evaluation.compare(
    [f"{folder}/residual_cnn.keras"], data["source"], limit=test_images, timing=False
)
evaluation.show(comparison)

# %%
evaluation.plot_mistakes(comparison, f"{folder}/residual_cnn.keras", count=18, columns=6)

# %% [markdown]
# Longer numbers have more digits to get wrong, so accuracy falls with length even if each digit is
# read equally well:

# %%
(result,) = comparison.results
evaluation.plot_scores(
    {
        "residual_cnn": {
            length: counts["correct"] / counts["images"]
            for length, counts in result.figures["by_length"].items()
        }
    },
    title="Sequence accuracy by length",
    xlabel="digits in the label",
)

# %% [markdown]
# ## What next
#
# - With ten times the numbers, larger images and an hour, `deep_cnn` reads 97.3 % of the test
#   numbers: `python train.py deep_cnn --dataset mnist_numbers`, see docs/experiments.md.
# - The next notebook opens the data set that all of this was invented for: house numbers.
# - `locate=True` adds a third output to the model, the box around the number.
