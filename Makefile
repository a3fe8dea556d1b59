# tox manages .venv; tox itself lives in .tox-boot, so that it never sits in the environment that it manages.
PYTHON ?= python3
TOX := .tox-boot/bin/tox
ENV_PYTHON := .venv/bin/python

.PHONY: help run tour-page curves-page decades-page claims-page test lint bench env

help:
	@echo "make run    run the tour (at most 10 minutes) and write its report; prints the report's path and headline"
	@echo "make test   run all tests; ERAS_DATA=FOLDER lets those that need datasets run too"
	@echo "make lint   check style (ruff) and types (mypy)"
	@echo "make bench  time the hot paths (pytest-benchmark)"
	@echo "make curves-page (tour-, decades-, claims-page)  the committed pages again, from the committed rows"
	@echo "The first of them makes .venv with the versions in constraints.txt (PyTorch included: a large download)."
	@echo "PYTHON=python3.12 chooses the interpreter; PIP_INDEX_URL and PIP_EXTRA_INDEX_URL are honoured."

# exit 3: some cells failed and are listed; the report shows them, so it is written all the same
run: env
	@code=0; $(ENV_PYTHON) -m harness run || code=$$?; \
	if [ $$code -ne 0 ] && [ $$code -ne 3 ]; then exit $$code; fi; \
	$(ENV_PYTHON) -m harness report && exit $$code

# the committed pages, from committed rows alone
tour-page curves-page decades-page claims-page: %-page: env
	@$(ENV_PYTHON) -m harness report $(foreach f,$(wildcard results/*/$*.jsonl),--results $(f)) -o reports/$*/report.html

test: $(TOX)
	@$(TOX) run -e test

lint: $(TOX)
	@$(TOX) run -e lint,type

bench: $(TOX)
	@$(TOX) run -e bench

env: $(TOX)
	@[ -d .venv ] || echo "making .venv with the versions in constraints.txt: some minutes, once"
	@$(TOX) run -q -e test --notest

$(TOX): constraints.txt
	@$(PYTHON) -c "import sys; sys.exit(sys.version_info < (3, 11) and 'eras needs Python 3.11 or newer, and $(PYTHON) is ' + sys.version.split()[0] + ': make PYTHON=python3.12')"
	@$(PYTHON) -m venv --clear .tox-boot
	@.tox-boot/bin/python -m pip install --quiet --disable-pip-version-check -c constraints.txt tox
	@touch $(TOX)
