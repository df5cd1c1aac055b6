# %% [markdown]
# # Search and compare
#
# How many filters, how large, and how many units in the dense layer? A search can answer this, and
# it can mislead: the best of twenty short trainings is the best in part by chance. This notebook
# searches, shows the effect of each hyperparameter, trains the best trial and a cheaper one longer,
# and tests whether they differ significantly.
#
# It takes about three minutes on two CPU cores.

# %%
from dataclasses import replace

import project_root  # makes the packages of the project importable from this folder

import evaluation
import training
import tuning

# %% tags=["parameters"]
folder = "runs/sizes"  # a search is a folder: rerun to resume it, delete it to start anew
trials = 22
steps = 60  # batches of 128 images in each trial
long_epochs = 2
long_steps = 200
seeds = 2
test_images = 10_000  # of 10,000

# %% [markdown]
# ## The space
#
# Each model of the zoo says which of its arguments are worth searching, around its own defaults.
# `settings` narrows the space, or fixes what is not searched, as `--set` does on the command line.
# Here the training is fixed, for the trials and for the default that they are compared with; the
# sizes are searched, on MNIST at half its size, so that a trial takes seconds. The budget refuses
# candidates of more multiply-adds than the default, 3 million: the question is not whether larger
# is better, but where to spend the same.

# %%
search = tuning.plan(
    "shallow_cnn",
    "mnist",
    trials=trials,
    epochs=1,
    steps=steps,
    budget=3.1e6,
    settings=[
        "input_shape=[14,14,1]",
        "learning_rate=0.002",
        "batch_size=128",
        "weight_decay=0.01",
        "augmentation=none",
        "dropout=0.3",
    ],
)
tuning.print_space(search)

# %% [markdown]
# ## The search
#
# keras-tuner draws the candidates. Every trial is a run like those of `train.py`, scored on the
# validation split; test images are not used.

# %%
tuning.run_search(search, f"{folder}/search", cache_dir="cache")
tuning.print_summary(search, f"{folder}/search")

# %%
tuning.plot_trials(f"{folder}/search")

# %% [markdown]
# Accuracy over cost: the line connects the trials that nothing cheaper beats.

# %%
tuning.plot_cost(f"{folder}/search")

# %% [markdown]
# ## Effects of the hyperparameters
#
# Each point is a trial. So few trials of so short a training show little: only a slope that is
# larger than the scatter of the points means anything.

# %% tags=["cover"]
tuning.plot_hyperparameters(f"{folder}/search", columns=4)

# %% [markdown]
# ## The best trial, trained longer
#
# In this search, the best trial has the sizes of the default, which were drawn by chance: nothing
# within the budget scored higher. The other question is the cost: the best trial with half the
# multiply-adds scored lower, but so short a training favours models that learn fast. Is it still
# worse if both are trained longer?
#
# `best_configuration` gives both as `train.py` takes them. Each is trained twice on more images:
# another seed means other initial weights and another order of the images.

# %%
candidates = {
    "winner": tuning.best_configuration(f"{folder}/search"),
    "half": tuning.best_configuration(f"{folder}/search", budget=1.5e6),
}
recipe = replace(search.base.recipe, epochs=long_epochs, steps_per_epoch=long_steps)
names = []
for name, configuration in candidates.items():
    print(name, {key: configuration.arguments[key] for key in ("filters", "kernel_size")})
    for seed in range(1, seeds + 1):
        names.append(f"{folder}/{name}_{seed}")
        longer = replace(configuration, recipe=recipe, seed=seed)
        metrics = training.train(longer, names[-1], cache_dir="cache")
        print(f"{names[-1]}: {metrics['validation']['sequence_accuracy']:.2%} of validation")

# %% [markdown]
# ## Is the difference significant?
#
# All four read the same 10,000 test images, so only images count that one model reads correctly and
# another does not. McNemar's test computes how likely it is that these are divided so unevenly by
# chance. Four models make six pairs; the level of each is stricter (Bonferroni), so that the
# probability of reporting any difference that does not exist is at most 5 %.

# %%
comparison = evaluation.compare(names, "mnist", limit=test_images, timing=False)
evaluation.show(comparison)

# %%
evaluation.plot_differences(comparison)

# %% [markdown]
# An interval that contains 0 shows no difference, whatever the last digit of the table says. Look
# first at the two pairs that are one configuration with two seeds: what differs by no more than
# these is not an improvement. The test is about *these trained networks*; that one configuration is
# better than the other takes several seeds of each that agree.
#
# Here the short trials were 1.8 points apart, and the longer trainings are 0.3 points apart on
# average: most of the difference was speed of learning. Two of the four comparisons between the
# candidates show a difference, two do not, and the seeds of one candidate are nearly as far apart.
# The cheaper one is hardly worse at half the cost; how much, more seeds would have to say.
#
# The report has the same as a page to keep, `index.html` in its folder:

# %%
evaluation.write_report(comparison, f"{folder}/report")

# %% [markdown]
# On the command line:
#
# ```
# python -m tuning shallow_cnn --dataset mnist --trials 22 --epochs 1 --steps 60 --budget 3.1M \
#     --set "input_shape=[14,14,1]" --set learning_rate=0.002 --set batch_size=128 \
#     --set weight_decay=0.01 --set augmentation=none --set dropout=0.3 --run runs/sizes/search
# python train.py --config runs/sizes/search/best.json --seed 1 --run runs/sizes/winner_1
# python evaluate.py runs/sizes/winner_1 runs/sizes/half_1 --dataset mnist
# ```
