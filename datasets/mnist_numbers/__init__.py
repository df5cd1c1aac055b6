"""Numbers of 1 to 5 MNIST digits composed on a canvas, as a TFDS data set."""
