#!/usr/bin/env bash
# The whole job on drawn pictures, made anew in demo/ each time; `make demo` calls it.
set -euo pipefail
cd "$(dirname "$0")/.."

step() { printf '\n\033[1m== %s\033[0m\n' "$1"; }
run() { printf '\033[2m$ %s\033[0m\n' "$*" && "$@"; }

rm -rf demo
mkdir demo

step "Draw 400 pictures that look like dermoscopy"
run cutis data phantom demo/pictures --images 400 --seed 0

step "Import them"
run cutis data import phantom demo/pictures -o demo/manifest.csv

step "Audit them: duplicates, poor pictures, conflicting labels"
run cutis data audit demo/manifest.csv -o demo/audit

step "Split them; lesions, patients and duplicates never straddle"
run cutis data split demo/audit/manifest.csv --by lesion --test 0.2 --val 0.15 -o demo/split.csv

step "Fine-tune a network that knows ImageNet"
run cutis train demo/split.csv --config configs/demo.toml -o demo/run

step "Judge it on the test split"
run cutis evaluate demo/run/predictions-test.csv demo/split.csv \
  --validation demo/run/predictions-val.csv --history demo/run/history.csv -o demo/report

step "Draw one more picture and classify it"
run cutis data phantom demo/new --images 1 --seed 1
run cutis predict demo/new/images/PHANTOM_000000.jpg --model demo/run/bundle

step "Done in $SECONDS seconds"
cat <<END
  report   demo/report/report.html
  audit    demo/audit/audit.html
  model    demo/run/bundle

Now with real pictures, HAM10000 (unpack its download into data/ham10000, or let Cutis fetch it):

  source .venv/bin/activate
  cutis data import ham10000 data/ham10000 -o ham10000.csv
  cutis data audit ham10000.csv -o runs/audit
  cutis data split runs/audit/manifest.csv --by lesion -o ham10000-split.csv
  cutis train ham10000-split.csv --config configs/ham10000.toml -o runs/ham10000
  cutis evaluate runs/ham10000/predictions-test.csv ham10000-split.csv \
    --validation runs/ham10000/predictions-val.csv -o runs/report
END
