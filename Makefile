# GAS. A bare `make` lists the targets. Nothing here needs more than Python 3.11, make, and npm where it is present.

PYTHON ?= python3
UV ?= uv
BIN := .venv/bin
# Files that say a step is done; make compares their age with what the step depends on.
DONE := .venv/.done
BUNDLE := var/bundles/mitochondrion/manifest.json
SAMPLE := var/sample/mitochondrial.vcf.gz
FILE ?= $(SAMPLE)
# What is uploaded to an instance that becomes an image, and which image: LAYER base or application, ARCH arm64 or amd64.
IMAGE_FILES ?= build/image
LAYER ?= application
ARCH ?= arm64
VERSION ?= $(shell git describe --tags --always --dirty 2>/dev/null)
REGION ?= $(or $(AWS_REGION),$(AWS_DEFAULT_REGION),us-east-1)
PACKER ?= packer
# One worker more than cores, as some always wait for processes; each has a stand-in of its own to feed.
TEST_WORKERS ?= $(shell expr $$(getconf _NPROCESSORS_ONLN) + 1)
LOCK := $(UV) pip compile --quiet --universal --python-version 3.11 --generate-hashes --custom-compile-command "make lock"

.DEFAULT_GOAL := help
.PHONY: help setup run demo test prove screenshots terraform-test image image-test image-files lint format lock bundle assets clean
.DELETE_ON_ERROR:

help: ## List the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-14s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

setup: $(DONE)/install $(DONE)/engine assets bundle ## Make .venv with everything, the browser assets and the reference bundle

run: setup ## Serve GAS on this machine until Ctrl-C (GAS_WEB_PORT=8080, or the next free port)
	@$(BIN)/python -m scripts.local.run

demo: setup ## Annotate FILE (default: a mitochondrial sample) from sign-in to mail, and print what came out
	@$(BIN)/python -m scripts.demo "$(FILE)"

test: setup ## Run every test and print the branch coverage of gas and agents; below 90 % is a failure
	@$(BIN)/python -m pytest tests --ignore tests/image --ignore tests/terraform -n $(TEST_WORKERS) --dist loadgroup --cov --cov-report=term-missing:skip-covered --cov-fail-under=90

prove: setup ## Run the proofs that no result is lost (kills, interleavings, chaos) and print what each went through
	@$(BIN)/python -m scripts.prove $(PROVE)

screenshots: setup ## Take the pictures of docs/screenshots again, or those with ONLY=… in their names
	@$(BIN)/python -m scripts.screenshots --only "$(ONLY)"

terraform-test: setup $(DONE)/checkov ## Check terraform/, apply it to the AWS stand-in, use, change and destroy what it made
	@$(BIN)/python -m pytest tests/terraform -n $(TEST_WORKERS) --dist loadgroup
	@$(BIN)/python -m tests.terraform

lint: $(DONE)/install ## Check style and types (ruff; mypy strict on gas)
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/mypy

format: $(DONE)/install ## Let ruff mend the style
	@$(BIN)/ruff check --fix .
	@$(BIN)/ruff format .

lock: ## Pin every requirement with its hashes again (needs uv)
	$(LOCK) pyproject.toml --output-file requirements/runtime.txt
	$(LOCK) pyproject.toml --extra dev --output-file requirements/dev.txt
	$(LOCK) requirements/node.in --output-file requirements/node.txt
	$(LOCK) requirements/image.in --output-file requirements/image.txt
	$(LOCK) requirements/engine.in --output-file requirements/engine.txt
	$(LOCK) requirements/checkov.in --output-file requirements/checkov.txt

bundle: $(BUNDLE) ## Build the mitochondrial reference bundle and the sample file

assets: $(DONE)/install ## Fetch the browser assets that package-lock.json pins
	@$(BIN)/python -m scripts.assets

image: image-files ## Bake an image in AWS with Packer 1.7 or newer (LAYER=base|application ARCH=arm64|amd64)
	$(PACKER) init ami/
	$(PACKER) build -only="$(LAYER).amazon-ebs.$(ARCH)" -var files="$(IMAGE_FILES)" -var version="$(VERSION)" -var region="$(REGION)" ami/

image-test: setup ## Bake the image without AWS, boot it, and break it (root; 12 minutes)
	@$(BIN)/python -m tests.image

image-files: setup
	@rm -rf "$(IMAGE_FILES)" build/lib build/bdist.*
	@mkdir -p "$(IMAGE_FILES)/requirements"
	@GAS_COMPILE=0 $(BIN)/python -m pip --quiet --disable-pip-version-check wheel --no-deps --no-build-isolation --wheel-dir "$(IMAGE_FILES)/wheel" .
	@cp requirements/runtime.txt requirements/engine.txt requirements/image.txt "$(IMAGE_FILES)/requirements/"
	@cp -R ami setup.py "$(IMAGE_FILES)/"

clean: ## Remove everything that make made: .venv, assets, and var/ with the jobs of `make run`
	rm -rf .venv node_modules webserver/static/vendor var build *.egg-info .coverage .coverage.* .pytest_cache \
		.mypy_cache .ruff_cache .hypothesis
	rm -f gas/annotation/*.so
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

$(DONE)/venv:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "GAS needs Python 3.11 or newer; this is " + sys.version.split()[0] + ". Name another with make PYTHON=…")'
	@echo "Making .venv …"
	@$(PYTHON) -m venv .venv
	@mkdir -p $(DONE) && touch $@

# The lock is complete, so there is nothing to resolve; pip's resolver would ask for extras at versions of its own.
$(DONE)/install: $(DONE)/venv requirements/dev.txt pyproject.toml
	@echo "Installing the Python packages …"
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --require-hashes -r requirements/dev.txt
	@GAS_COMPILE=0 $(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e .
	@touch $@

# Beside the sources that it is made of, which are imported where it is missing.
$(DONE)/engine: $(DONE)/install setup.py $(wildcard gas/annotation/*.py)
	@echo "Compiling the gene engine, if there is a C compiler …"
	@rm -f gas/annotation/*.so
	@$(BIN)/python setup.py --quiet build_ext --inplace
	@touch $@

# checkov pins half of Python's packages, so it has an environment of its own.
$(DONE)/checkov: $(DONE)/venv requirements/checkov.txt
	@echo "Installing checkov …"
	@$(PYTHON) -m venv .venv/checkov
	@.venv/checkov/bin/python -m pip install --quiet --disable-pip-version-check --no-deps --require-hashes -r requirements/checkov.txt
	@touch $@

# A bundle that an older builder made is refused by a newer reader; building takes seconds.
$(BUNDLE): $(DONE)/install requirements/reference.txt $(wildcard scripts/mitochondri*.py gas/annotation/*.py gas/annotation/*/*.py)
	@echo "Building the mitochondrial reference bundle …"
	@$(BIN)/python -m scripts.mitochondrion --out $(@D) --sample $(SAMPLE)
	@touch $@
