"""Numbers of 1 to 5 MNIST digits composed on one canvas, as a TFDS data set."""
