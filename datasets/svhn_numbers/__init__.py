"""SVHN's full numbers; import `svhn_numbers_dataset_builder` to register them with TFDS."""
