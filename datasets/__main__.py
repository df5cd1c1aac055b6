"""Show what a folder of photos holds: `python -m datasets FOLDER`.

The page shows what a trained reader doubts, and this package must not import readers: the command
is started by its name, as a shell would start it.
"""

import runpy

if __name__ == "__main__":
    runpy.run_module("evaluation.folder_page", run_name="__main__")
