"""Scenes with none, one or many numbers, rendered from the objects of `rendered_numbers`.

How a scene is drawn:

1. `contents` samples what is in it: objects of mixed kinds, or a series of alike objects, and
   objects without a number.
2. `wall` places them without overlap in one view of a wall, and keeps the box of each number.
3. `rendering.render_scene` applies the camera, turns some scenes, and returns the annotation.
"""
