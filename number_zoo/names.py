"""Names of the inputs and outputs of the inference graph, and of the arrays of a label."""

LENGTH, DIGITS, BOX = "length", "digits", "box"
"""Keys of labels as arrays, and names of the models' outputs."""

IMAGES, CROPS, IMAGE_SIZES = "images", "crops", "image_sizes"
CONFIDENCE, CROP, ATTENTION = "confidence", "crop", "attention"
LENGTH_LOG_PROBS, DIGIT_LOG_PROBS = "length_log_probs", "digit_log_probs"

ABSENT = -1
"""Value in `digits` at a position without a digit."""
