# %% [markdown]
# # SVHN's files
#
# Street View House Numbers is the data set of real house numbers: 33,402 photos to train with,
# 13,068 to test with and 202,353 easier ones (Netzer et al. 2011). Its single digits, cut out and
# resized to 32 x 32 pixels, come with every deep learning library. The full numbers do not, and
# the first thing that anyone who wants them meets is `digitStruct.mat`: one file with all labels
# and boxes, of MATLAB 7.3, in a structure that no reader of `.mat` files returns as a table.
#
# This notebook opens the file step by step with h5py, then in one line, and looks at what the
# data set is made of. SVHN is for non-commercial use, so its photos are not part of the project:
# unless `svhn` names the real files, images are rendered here, in files of the official
# structure.

# %%
from pathlib import Path

import project_root  # makes the packages of the project importable from this folder
import h5py
import numpy as np

import datasets
import number_zoo
from datasets.crops import crop_box
from datasets.rendered_numbers.rendering import render_many
from datasets.svhn_numbers.archives import read_split
from datasets.svhn_numbers.digit_struct import read_digit_struct
from datasets.svhn_numbers.write_digit_struct import write_split

# %% tags=["parameters"]
svhn = ""  # the folder extracted from SVHN's train.tar.gz; "" for rendered images
folder = "data/svhn_rendered/train"  # where these are written
count = 600  # of these

# %%
if not svhn:
    write_split(folder, render_many(seed=3, count=count, workers=1))
split = Path(svhn or folder)
names = sorted(path.name for path in split.iterdir())
print(f"{len(names):,} files: {', '.join(names[:3])}, …, {names[-1]}")

# %% [markdown]
# (SVHN has no images without a number, so those among the rendered ones are left out: of 600, 593
# remain.)
#
# ## Step by step
#
# A `.mat` file of version 7.3 is an HDF5 file, which h5py reads. It holds one structure with two
# columns, `name` and `bbox`, an entry for each image.

# %%
file = h5py.File(split / "digitStruct.mat")
print(file["digitStruct/name"])
print(file["digitStruct/bbox"])

# %% [markdown]
# There is not one label in it: every entry is an *object reference*, which leads to another
# object of the file. MATLAB stores a cell array like this, since its cells may hold anything.
# Indexing the file with a reference follows it. The first name:

# %%
reference = file["digitStruct/name"][0, 0]
codes = file[reference][()]
print(f"{codes.shape} {codes.dtype}: {codes.ravel()}")
print("".join(map(chr, codes.ravel())))

# %% [markdown]
# The text is stored as UTF-16 character codes. It was a row of characters in MATLAB, which stores
# arrays column by column; HDF5 stores them row by row, and so the row has become a column.
#
# `bbox` refers to groups with five fields. Here are an image of one digit and one of several:


# %%
def group_of(index):
    return file[file["digitStruct/bbox"][index, 0]]


digits = [group_of(index)["label"].shape[0] for index in range(100)]
single, several = digits.index(1), digits.index(3)
for index in (single, several):
    print(f"image {index + 1}")
    for field, values in group_of(index).items():
        print(f"    {field:7} {values.shape} {values.dtype}  {values[0, 0]}")

# %% [markdown]
# This is the trap that most home-made readers fall into: **a single digit has its number in
# place, but several digits have a column of references**, each to a 1 x 1 array of its own. A
# training set of 73,257 digits is thus some 600,000 little objects.


# %%
def values_of(values):
    if h5py.check_ref_dtype(values.dtype):
        return [file[reference][0, 0] for reference in values[:, 0]]
    return [values[0, 0]]


for index in (single, several):
    print(f"image {index + 1}")
    for field, values in group_of(index).items():
        print(f"    {field:7} {[int(value) for value in values_of(values)]}")

# %% [markdown]
# The labels are 1 to 10: MATLAB counts from 1, and **a zero is labelled 10**. Whoever takes the
# label as the digit teaches a model to read "1" or a blank for every 0. One image in seven has
# one:

# %%
zero = next(index for index in range(100) if 10 in values_of(group_of(index)["label"]))
print(f"image {zero + 1}: {[int(value) for value in values_of(group_of(zero)['label'])]}")

# %% [markdown]
# ## In one line
#
# `read_digit_struct` does all this. It uses h5py's low-level interface, with which the 600,000
# objects of the official training set take a minute; with the code above they would take three.
# Most projects store the result once and never open the file again; here TFDS does that.

# %%
entries = read_digit_struct(split / "digitStruct.mat")
print(entries[zero])

# %% [markdown]
# And `read_split` gives each image with its entry, from the extracted folder or straight from
# `train.tar.gz`. An image that is damaged, missing or not listed is an error that names it.

# %%
images, labels, boxes = [], [], []
for entry, png in read_split(split, "train"):
    images.append(number_zoo.decode_image(png))
    labels.append(entry.label)
    boxes.append(entry.boxes)

# %% tags=["cover"]
datasets.show(images, labels, boxes=boxes, count=24, columns=6)

# %% [markdown]
# ## What is in it
#
# Most numbers have two or three digits. The images are small, and of any size and aspect ratio:
# they are crops of larger photos. (The rendered images follow the statistics of all three splits
# together.)

# %%
sizes = [image.shape[1::-1] for image in images]
datasets.plot_statistics(labels, boxes, sizes)

# %% [markdown]
# In the official files:
#
# | | train | test |
# | --- | ---: | ---: |
# | images | 33,402 | 13,068 |
# | digits | 73,257 | 26,032 |
# | numbers of 1, 2, 3, 4, 5 digits | 5137, 18130, 8691, 1434, 9 | 2483, 8356, 2081, 146, 2 |
# | numbers of 6 digits | 1 (29930.png) | 0 |
# | numbers with a zero | 14.1 % | 12.9 % |
# | median image, width x height | 104 x 47 | 132 x 53 |
# | area covered by the number, mean | 21.0 % | 11.8 % |
# | boxes that leave the image | 181 images | 39 images |
# | boxes not in order from left to right | 5 images | 3 images |
#
# Three lessons for whoever trains on it: a model with five positions meets one number that does
# not fit; a crop has to be able to leave the image; and the digits must not be sorted by their
# boxes, since in most of those eight images it is the boxes that are wrong.

# %%
beyond = [
    (digits[:, :2] < 0).any() or (digits[:, 2:] > size).any()
    for digits, size in zip(boxes, sizes, strict=True)
]
unsorted = [(np.diff(digits[:, 0]) < 0).any() for digits in boxes]
print(f"here: {sum(beyond)} with boxes that leave the image, {sum(unsorted)} not in order,")
print(f"{sum('0' in label for label in labels) / len(labels):.1%} with a zero")

# %% [markdown]
# ## How much of the image the number covers
#
# Test images show more of the house than training images: a number covers half as much of them.
# From the smallest number to the largest:

# %%
covered = datasets.covered_area(boxes, sizes)
order = np.argsort(covered)[np.linspace(0, len(covered) - 1, 12).astype(int)]
datasets.show(
    [images[index] for index in order],
    [f"{covered[index]:.0%}" for index in order],
    boxes=[boxes[index] for index in order],
    columns=6,
    title="area covered by the number",
)

# %% [markdown]
# ## Crops
#
# Nearly every published accuracy on SVHN's full numbers is for **crops around the true boxes** of
# the test images, enlarged by 30 % (Goodfellow et al. 2013). `datasets.load` makes them with
# `crop="union"`; `"square"` keeps the aspect ratio. Both may leave the image, whose edge is then
# repeated.


# %%
def box_of(index, crop):
    return None if crop == "full" else crop_box(boxes[index], crop)


some = order[[0, 1, 3, 6, 9]]
rows = {
    crop: [
        datasets.prepare_image(images[index], (64, 64), 3, box=box_of(index, crop))
        for index in some
    ]
    for crop in ("full", "union", "square")
}
datasets.show(
    [image for row in rows.values() for image in row],
    [crop for crop in rows for _ in some],
    columns=len(some),
    title="what a model of 64 x 64 pixels is given",
)

# %% [markdown]
# In a crop all numbers have the same size and stand in the middle, as sharp as the photo is (the
# first has only a few pixels in it). In the whole image they are anywhere, and of some hardly a
# pixel is left. The crop has done half of the reading; and for a new photo, nobody knows the box.
# What that means for a model is the subject of the next notebook.
#
# ## What next
#
# - `python train.py residual_cnn --dataset svhn_numbers` downloads the official files (0.7 GB,
#   checksums compared), prepares them and trains on whole images; `--crop union` on crops.
# - `datasets.load("svhn_numbers", "train")` gives them as batches, as any other data set.
# - The [README of the data set](../datasets/svhn_numbers/README.md) has sizes, times and what is
#   known to be wrong in the labels.
