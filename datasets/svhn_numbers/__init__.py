"""SVHN's full numbers. Import `svhn_numbers_dataset_builder` to make `tfds.load` know them.

Importing this package alone loads neither TensorFlow nor TFDS, so that `digit_struct`, the reader
of `digitStruct.mat`, stays usable by itself.
"""
