#!/bin/sh
# Makes ../static/codemirror.js anew: one minified ES module with the licences of
# all that is in it, and bundle.json, which names the packages and the checksum.
# Wants node and npm; package-lock.json fixes every version, so the result is the
# same bytes each time.
#
# usage: web/editor/build.sh
set -eu
cd "$(dirname "$0")"
npm ci --ignore-scripts --no-audit --no-fund --silent
node bundle.mjs
rm -rf node_modules
