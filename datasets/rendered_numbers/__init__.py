"""Numbers rendered from fonts and brush strokes, as photos show them.

`rendering.render` composes a `Scene` (`street_scene` or `object_scene`) of a style (`styles`) and
applies the effects of a `camera`. Conventions of all modules:

- `rng` is the image's random number generator, and `height` the height of a digit in pixels.
- Boxes are (left, top, right, bottom) in pixels, colours (red, green, blue) from 0 to 255.
- Masks are uint8 (h, w) from 0 to 255; hulls are float32 (n, 2), points (x, y) in pixels.
- `sample_*` returns random values, `render_*` an image or object; `paint_*` changes its first
  argument in place.
"""
