# Two commands are enough: `make run KEYWORD="crm for startups"` and `make test`.
# uv is used when it is there; otherwise it comes into .venv. Everything is installed from uv.lock.

UV ?= $(shell command -v uv || echo .venv/bin/uv)
UV_VERSION := 0.13.9
export UV_PROJECT_ENVIRONMENT := .venv
export KEYWORD LOCALE PROFILE SERP
unexport PYTHONDONTWRITEBYTECODE # compiling everything anew in each process would double what the tests take

.PHONY: help run console worker studio test lint types imports unit bench doctor clean
help:
	@echo 'make run KEYWORD="crm for startups"   one keyword, from search results to a paused review'
	@echo 'make console                          the page on which people review, and a worker beside it'
	@echo 'make worker                           a worker alone: runs on what people decide'
	@echo 'make studio                           the graph in LangGraph Studio, over an in-memory world'
	@echo 'make doctor                           what is set up and what is missing'
	@echo 'make test                             style, types, import rules, all tests'
	@echo 'make bench                            measurements beside their targets, in about nine minutes'

run: .venv/.installed
	@test -n "$$KEYWORD" || { echo 'Say which keyword: make run KEYWORD="crm for startups"'; exit 2; }
	@.venv/bin/autonomy run "$$KEYWORD" $${LOCALE:+--locale "$$LOCALE"} $${PROFILE:+--profile "$$PROFILE"} $${SERP:+--serp "$$SERP"}

console: .venv/.installed
	@.venv/bin/autonomy up

worker: .venv/.installed
	@.venv/bin/autonomy worker

studio: .venv/.installed
	@$(UV) sync --quiet --frozen --inexact --group studio
	@.venv/bin/langgraph dev

doctor: .venv/.installed
	@.venv/bin/autonomy doctor

# The types are checked beside the tests, which leave a core idle now and then.
test: .venv/.developing
	@$(MAKE) --no-print-directory -j 2 lint types imports unit

lint: .venv/.developing
	.venv/bin/ruff check .
	.venv/bin/ruff format --check .

types: .venv/.developing
	.venv/bin/mypy

imports: .venv/.developing
	.venv/bin/lint-imports

# What fails beside the others has one more try, alone: a machine that stalls for seconds takes leases away from tests that
# hold real ones. What failed first stays printed above.
AGAIN := { test -s .pytest_cache/failed && .venv/bin/python -m pytest -n 0 @.pytest_cache/failed; }
unit: .venv/.developing
	@rm -f .pytest_cache/failed
	.venv/bin/python -m pytest -n 3 --dist loadfile --no-loadscope-reorder --junitxml=.pytest_cache/junit.xml || $(AGAIN)

bench: .venv/.developing
	@.venv/bin/python -m bench

clean:
	rm -rf .venv .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache

.venv/bin/uv:
	@python3 -c 'import sys; sys.exit("Python 3.11 or newer is needed; this is " + sys.version.split()[0] if sys.version_info < (3, 11) else 0)'
	@test -x .venv/bin/python || python3 -m venv .venv
	@.venv/bin/python -m pip install --quiet --disable-pip-version-check uv==$(UV_VERSION)

# --inexact: uv may be inside the environment it syncs.
.venv/.installed: $(filter .venv/bin/uv,$(UV)) pyproject.toml uv.lock
	@echo 'Installing what uv.lock lists …' >&2
	@$(UV) sync --quiet --frozen --inexact --no-dev
	@touch $@

.venv/.developing: $(filter .venv/bin/uv,$(UV)) pyproject.toml uv.lock
	@$(UV) sync --quiet --frozen --inexact
	@touch $@ .venv/.installed
