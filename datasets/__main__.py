"""Show the content of a folder of photos: `python -m datasets FOLDER`.

The page needs a trained reader, and this package must not import readers: the command is therefore
started by its name, as from a shell.
"""

import runpy

if __name__ == "__main__":
    runpy.run_module("evaluation.folder_page", run_name="__main__")
