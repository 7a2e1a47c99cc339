#!/usr/bin/env bash
# What checks the manifests in infra/ and is no Python package: into .cache/tools. Needs Go, which
# checks each module against its checksum database.
set -euo pipefail
cd "$(dirname "$0")/.."

kustomize=v5.8.1
keda=v2.21.0

tools=$PWD/.cache/tools
mkdir -p "$tools"
cd "$tools"
rm -f .made

GOBIN=$tools go install "sigs.k8s.io/kustomize/kustomize/v5@$kustomize"
folder=$(go mod download -json "github.com/kedacore/keda/v2@$keda" | sed -n 's/^\t"Dir": "\(.*\)",\{0,1\}$/\1/p')
install -m 644 "$folder/config/crd/bases/keda.sh_scaledobjects.yaml" .

touch .made
