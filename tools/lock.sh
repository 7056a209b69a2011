#!/bin/bash
# Makes requirements_lock.txt and requirements_cuda_lock.txt anew from requirements.in, requirements_cuda.in and
# requirements_overrides.txt. Versions stay as they are where they may; "tools/lock.sh --upgrade" takes the newest.
set -euo pipefail
cd "$(dirname "$0")/.."

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
if command -v uv >/dev/null; then
  uv=uv
else
  python3 -m venv "$work/venv"
  "$work/venv/bin/pip" install --quiet uv
  uv=$work/venv/bin/uv
fi

compile() { # INPUT OUTPUT OVERRIDES OPTION...
  local input=$1 output=$2 overrides=$3
  shift 3
  "$uv" pip compile --quiet --universal --generate-hashes --python-version 3.11 --override "$overrides" \
    --custom-compile-command "tools/lock.sh" "$@" "$input" -o "$output"
  echo "$output: $(grep -c == "$output") packages"
}

# With CUDA, tensorflow takes the place of tensorflow-cpu: the marker of the latter is never true.
sed -E 's/^tensorflow-cpu==.*/tensorflow-cpu ; python_version < "3"/; s/^tensorflow==([^ ;]*).*/tensorflow[and-cuda]==\1/' \
  requirements_overrides.txt >"$work/cuda_overrides.txt"

compile requirements.in requirements_lock.txt requirements_overrides.txt "$@"
compile requirements_cuda.in requirements_cuda_lock.txt "$work/cuda_overrides.txt" "$@"
