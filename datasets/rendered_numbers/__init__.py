"""Numbers rendered from fonts and brush strokes, as photos show them."""
