"""Numbers rendered from fonts and brush strokes, as photos show them.

How an image is drawn:

1. `rendering.render` composes a scene that follows a style (`styles`): a house number or device in
   the street (`street_scene`), or an object of any kind (`object_scene`, whose table `OBJECTS`
   names the function of each kind).
2. That function (in `counters`, `segments`, `codes`, `bibs`, `printed`, `measures`, `handwriting`,
   `negatives`) paints a `PlanarObject` on a `drawing.Layer`; `layout` sets its characters, from
   `glyphs` of `fonts` or `strokes` of a brush.
3. The scene views the object in perspective on a wall, with other things around it (`scene`), and
   `camera` adds light, blur, noise and JPEG compression.

Conventions of all modules:

- `rng` is the image's random number generator, and `height` the height of a digit in pixels.
- `size` is an image's (width, height) in pixels, `homography` a (3, 3) matrix to its coordinates
  from those of a wall, whose origin is at the number's centre.
- Boxes are (left, top, right, bottom) in pixels, colours (red, green, blue) from 0 to 255.
- Masks are uint8 (h, w) from 0 to 255; hulls are float32 (n, 2), points (x, y) in pixels.
- `sample_*` returns random values, `render_*` an image or object; `paint_*` and `fill_*` change
  their first argument in place.
"""
