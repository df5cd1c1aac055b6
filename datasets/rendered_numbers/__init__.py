"""House numbers drawn from fonts and brush strokes, as street photos show them."""
