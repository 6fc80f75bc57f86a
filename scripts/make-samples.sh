#!/bin/sh
# Writes the sample recordings, and the pcapng made of each.
#   scripts/make-samples.sh BUILD FOLDER
set -eu

build=$1
folder=$2
rm -rf "$folder"
mkdir -p "$folder"
"$build/samples/write-samples" "$folder"
for sample in "$folder"/*/; do
    sample=${sample%/}
    "$build/bin/hashscope-export" --data-dir "$sample" --quiet --reproducible -o "$sample.pcapng"
done
