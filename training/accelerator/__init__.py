"""Training on one accelerator: CPU processes render images, everything else runs on the device.

    python -m training.accelerator.pack pack.npz --numbers street_numbers --digits meter_digits
    KERAS_BACKEND=jax python -m training.accelerator pack.npz --seconds 480 --out runs/any10

The second command needs neither TensorFlow nor TFDS.
"""
