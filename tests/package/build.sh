#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# build.sh WHERE OUT: builds the Debian packages of what is committed, in a fresh tree below WHERE, and leaves them in OUT with SHA256SUMS. Nothing of this
# machine goes into them but the libraries of the distribution. With VIDRA_RELEASE_KEY (an Ed25519 key, PEM) the manifest is signed.
set -euo pipefail
where=$1 out=$2
top=$(git rev-parse --show-toplevel)
version=$(cd "$top" && dpkg-parsechangelog -S Version)
tree=$where/vidra-$version
rm -rf "$where"
mkdir -p "$tree" "$out"
git -C "$top" archive HEAD | tar -x -C "$tree"
cd "$tree"
export DEB_BUILD_OPTIONS="nocheck noautodbgsym parallel=${JOBS:-$(nproc)}" LC_ALL=C.UTF-8 TZ=UTC
[ -z "${NO_CACHE:-}" ] || export CCACHE_DISABLE=1
if ! dpkg-buildpackage -b -uc -us >../build.log 2>&1; then
  grep -E -A 12 'error|Error|FAILED' ../build.log | head -n 60
  tail -n 15 ../build.log
  exit 1
fi
rm -f "$out"/vidra-*.deb "$out"/SHA256SUMS*
mv ../vidra-*.deb "$out"
cd "$out"
sha256sum vidra-*.deb >SHA256SUMS
cat SHA256SUMS
if [ -n "${VIDRA_RELEASE_KEY:-}" ]; then
  openssl pkeyutl -sign -rawin -inkey "$VIDRA_RELEASE_KEY" -in SHA256SUMS -out SHA256SUMS.sig
  openssl pkey -in "$VIDRA_RELEASE_KEY" -pubout -out SHA256SUMS.pub
  openssl pkeyutl -verify -rawin -pubin -inkey SHA256SUMS.pub -in SHA256SUMS -sigfile SHA256SUMS.sig >/dev/null
  echo "signed: openssl pkeyutl -verify -rawin -pubin -inkey SHA256SUMS.pub -in SHA256SUMS -sigfile SHA256SUMS.sig"
fi
