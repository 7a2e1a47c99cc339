#!/usr/bin/env bash
# Lock the requirements of every purpose, hashes included, no registry's address.
set -euo pipefail
cd "$(dirname "$0")/.."

lock() {
  local file=$1 extra
  shift
  local extras=()
  for extra in "$@"; do extras+=(--extra "$extra"); done
  uv pip compile pyproject.toml "${extras[@]}" --quiet --universal --python-version 3.11 \
    --generate-hashes --no-header --no-emit-index-url --no-emit-find-links \
    --output-file "requirements/$file.txt"
}

lock cpu cpu embedded build
lock worker cpu build
lock dev cpu embedded build tune parquet dev
lock gpu gpu build
lock export cpu embedded build tune parquet dev export
lock bench cpu embedded build tune parquet dev export bench openvino
lock peers cpu embedded build tune parquet dev export peers
