#!/usr/bin/env bash
# The documents: what is generated in them is what the records and the program say, and the site builds
# without a warning. Snippets are run by the tests (tests/test_snippets.py).
set -euo pipefail
cd "$(dirname "$0")/.."
.venv/bin/pip install -e '.[docs]'
.venv/bin/python docs/tools/fill.py --check
.venv/bin/python docs/tools/site.py
