# `make demo` and `make test` need Python 3.11 to 3.13 and nothing else.
PYTHON ?= python3
VENV := .venv
RUN := $(VENV)/bin/python

# Without bytecode, importing TensorFlow and Keras takes three times as long, in every process.
unexport PYTHONDONTWRITEBYTECODE

.PHONY: demo test lint faults notebooks docs web wheel clean

demo: $(VENV)/installed
	$(RUN) predict.py number_zoo/server/static/gallery
	$(RUN) train.py --run runs/demo
	$(RUN) evaluate.py runs/demo --dataset rendered_numbers --limit 2000 --corruption-samples 100 --report report/demo

# The page without a server is tested where there is npm.
test: $(VENV)/installed-dev lint
	-@! command -v npm >/dev/null || $(MAKE) --no-print-directory web/node_modules
	$(RUN) -m pytest --numprocesses auto --dist loadfile --no-loadscope-reorder

# Every file operation of every command fails once: hours. Resumes where it was stopped.
faults: $(VENV)/installed-dev
	$(RUN) -m tests.faults --work faults

lint: $(VENV)/installed-dev
	$(RUN) -m ruff check .
	$(RUN) -m ruff format --check .
	$(VENV)/bin/lint-imports --no-cache --no-logo

notebooks: $(VENV)/installed-notebooks
	$(RUN) -m tools.notebooks

docs: $(VENV)/installed-docs
	NO_MKDOCS_2_WARNING=1 $(RUN) -m mkdocs build --strict
	@echo "site/index.html"

# dist/, installed into environments that hold nothing else; more of them: make wheel PYTHONS="python3.12 ..."
wheel: $(VENV)/installed-dev
	$(RUN) -m tools.check_wheel --out dist --python $(or $(PYTHONS),$(PYTHON))

web: web/node_modules
	cd web && npm run build

web/node_modules: web/package-lock.json
	cd web && npm ci
	touch $@

# Debian's Python comes without venv's pip; say so rather than fail in the middle.
$(VENV)/bin/python:
	@$(PYTHON) -c 'import ensurepip, venv, sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null || { \
	  echo "make needs Python 3.11 or newer with venv (Debian, Ubuntu: apt install python3-venv);"; \
	  echo "name another with: make PYTHON=python3.12 ..."; exit 1; }
	$(PYTHON) -m venv $(VENV)

# Modules are compiled when they are imported, and many never are; but every worker of the tests would
# compile these.
LARGE := $(addprefix $(VENV)/lib/python*/site-packages/,tensorflow keras jax scipy)
INSTALL := $(RUN) -m pip install --quiet --disable-pip-version-check --no-compile

$(VENV)/installed: requirements.txt | $(VENV)/bin/python
	$(INSTALL) -r requirements.txt
	touch $@

$(VENV)/installed-notebooks: requirements.txt requirements-notebooks.txt | $(VENV)/bin/python
	$(INSTALL) -r requirements-notebooks.txt
	touch $@ $(VENV)/installed

$(VENV)/installed-docs: requirements-docs.txt | $(VENV)/bin/python
	$(INSTALL) -r requirements-docs.txt
	touch $@

$(VENV)/installed-dev: requirements.txt requirements-export.txt requirements-notebooks.txt \
    requirements-docs.txt requirements-dev.txt pyproject.toml | $(VENV)/bin/python
	$(INSTALL) -r requirements-dev.txt
	-$(RUN) -m compileall -q -j 0 $(LARGE)
	touch $@ $(VENV)/installed $(VENV)/installed-notebooks $(VENV)/installed-docs

clean:
	rm -rf $(VENV) web/dist web/node_modules .pytest_cache .ruff_cache .hypothesis .schemathesis
