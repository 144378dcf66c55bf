#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# test.sh DEBS CACHE: lintian over the packages; then install, upgrade, remove and purge in a bare Debian chroot, and a boot of it with systemd where
# systemd-nspawn is: started, notified, asked, reloaded, killed by the watchdog and back, stopped. Prints TAP. Needs root and the registry.
set -uo pipefail
debs=$(readlink -f "$1") cache=$(readlink -f "$2")
here=$(dirname "$(readlink -f "$0")")
number=0 failed=0
say() {   # say STATUS TEXT [FILE: shown when it failed]
  number=$((number + 1))
  if [ "$1" = 0 ]; then echo "ok $number - $2"; else echo "not ok $number - $2"; failed=1; [ -n "${3:-}" ] && [ -s "$3" ] && tail -n 30 "$3" | sed 's/^/#   /'; fi
  return 0
}
skip() { number=$((number + 1)); echo "ok $number - $1 # SKIP $2"; }

log=$(mktemp)
lintian --allow-root --tag-display-limit 0 --fail-on error,warning "$debs"/vidra-*.deb >"$log" 2>&1
say $? "lintian: no error, no warning" "$log"
grep '^[IP]:' "$log" | sed 's/^/# /' || true

base=$cache/bookworm.tar
if [ ! -s "$base" ]; then
  work=$(mktemp -d "$cache/base.XXXXXX")
  debootstrap --variant=minbase --include=ca-certificates,systemd,dbus,iproute2 bookworm "$work" >"$log" 2>&1 || { tail "$log"; echo "Bail out! debootstrap"; exit 1; }
  tar -C "$work" -cf "$base.part" . && mv "$base.part" "$base"
  rm -rf "$work"
fi
root=$(mktemp -d /var/tmp/vidra-package.XXXXXX)
cleanup() { for m in proc sys; do mountpoint -q "$root/$m" && umount -l "$root/$m"; done; rm -rf --one-file-system "$root"; rm -f "$log"; }
trap cleanup EXIT
tar -C "$root" -xf "$base"
chmod 0755 "$root"                    # it becomes "/": other users pass through it
cp /etc/resolv.conf "$root/etc/" 2>/dev/null
for f in /etc/apt/apt.conf.d/*; do [ -f "$f" ] && cp "$f" "$root/etc/apt/apt.conf.d/"; done
[ -s /etc/ssl/certs/ca-certificates.crt ] && cp -L /etc/ssl/certs/ca-certificates.crt "$root/etc/ssl/certs/ca-certificates.crt"
mount -t proc proc "$root/proc"
mkdir -p "$root/debs"
cp "$debs"/vidra-*.deb "$root/debs"
inside() { env -i HOME=/root PATH=/usr/sbin:/usr/bin:/sbin:/bin LANG=C.UTF-8 DEBIAN_FRONTEND=noninteractive ${http_proxy:+http_proxy="$http_proxy"} ${https_proxy:+https_proxy="$https_proxy"} chroot "$root" sh -c "$1" </dev/null >"$log" 2>&1; }
check() { inside "$1"; say $? "$2" "$log"; }

check 'apt-get update -qq && apt-get install -y -qq --no-install-recommends /debs/vidra-tools_*.deb /debs/vidra-sensor_*.deb /debs/vidra-collector_*.deb' 'installed in a bare Debian'
check 'getent passwd vidra && getent passwd vidra-collector && [ "$(stat -c %U:%a /var/lib/vidra)" = vidra:750 ] && [ "$(stat -c %U:%a /var/lib/vidra-collector)" = vidra-collector:750 ]' 'users and their folders are there'
check 'vidrad --version && vidra --version && vidra-collector --version && vidra protocols >/dev/null' 'the programs run with what was installed'
check '[ ! -e /etc/vidra/vidra.toml ] && ! systemctl is-enabled vidra-sensor' 'nothing is started before somebody said what to hear'
check 'vidra setup --attached mirror -i lo --site Alder --zone bus --prefix 10.0.0.0/8 && vidrad --config /etc/vidra/vidra.toml --check && vidra-collector --print-config >/etc/vidra/collector.toml && vidra-collector --check' 'vidra setup writes what the sensor accepts'
check 'runuser -u vidra -- vidrad --config /etc/vidra/vidra.toml --check' 'and its user may read it'
check 'for p in /usr/share/man/man1/vidra.1.gz /usr/share/man/man8/vidrad.8.gz /usr/share/man/man8/vidra-collector.8.gz /usr/share/bash-completion/completions/vidra.bash /usr/share/vidra/doc/vidra.spdx.json /usr/share/vidra/quiet-port.network; do [ -s $p ] || { echo $p; exit 1; }; done' 'manual pages, completion, parts list'
check 'systemd-analyze verify --man=no /lib/systemd/system/vidra-sensor.service /lib/systemd/system/vidra-collector.service 2>&1 | tee /dev/stderr | grep -c . | grep -qx 0' 'the units are without mistakes'
check 'echo "# mine" >>/etc/vidra/vidra.toml; touch /var/lib/vidra/kept'  'something of the operator'"'"'s'
check 'cd /tmp && for d in /debs/vidra-*.deb; do rm -rf x; dpkg-deb -R $d x; sed -i "s/^\(Version: .*\)$/\1+next/; s/(= \([^)]*\))/(= \1+next)/g" x/DEBIAN/control; dpkg-deb -b x /tmp/$(basename $d) >/dev/null; done; mkdir -p /next && for d in /debs/vidra-*.deb; do rm -rf x; dpkg-deb -R $d x; sed -i "s/^\(Version: .*\)$/\1+next2/; s/(= \([^)]*\))/(= \1+next2)/g" x/DEBIAN/control; dpkg-deb -b x /next/$(basename $d) >/dev/null; done; apt-get install -y -qq --no-install-recommends /tmp/vidra-tools_*.deb /tmp/vidra-sensor_*.deb /tmp/vidra-collector_*.deb && dpkg-query -W vidra-sensor | grep next' 'upgraded'
check 'grep -q "# mine" /etc/vidra/vidra.toml && [ -e /var/lib/vidra/kept ]' 'settings and state stay as they were'

if command -v systemd-nspawn >/dev/null && [ -z "${NO_BOOT:-}" ]; then
  umount -l "$root/proc"
  cp "$here/boot.sh" "$root/boot.sh"
  rm -f "$root/etc/machine-id"; : >"$root/etc/machine-id"
  mkdir -p "$root/etc/systemd/system/multi-user.target.wants" "$root/etc/credstore"
  printf '[Unit]\nAfter=multi-user.target\n[Service]\nType=oneshot\nExecStart=/bin/bash /boot.sh\nExecStopPost=/bin/systemctl --no-block poweroff\nTimeoutStartSec=180\n[Install]\nWantedBy=multi-user.target\n' >"$root/etc/systemd/system/boot-test.service"
  ln -sf /etc/systemd/system/boot-test.service "$root/etc/systemd/system/multi-user.target.wants/boot-test.service"
  timeout 300 systemd-nspawn -q --system-call-filter="landlock_create_ruleset landlock_add_rule landlock_restrict_self" -D "$root" -b --register=no --keep-unit --private-network --console=pipe --capability=CAP_NET_ADMIN,CAP_NET_RAW </dev/null >"$log" 2>&1
  if [ -s "$root/result" ]; then
    while IFS=$'\t' read -r status text; do say "$status" "booted: $text" "$root/result.log"; done <"$root/result"
    grep -q '^end' "$root/result.end" 2>/dev/null; say $? 'booted: came to its end' "$root/result.log"
  else
    say 1 'booted' "$log"
  fi
  mount -t proc proc "$root/proc"
else
  skip 'booted' 'no systemd-nspawn here'
fi

check 'apt-get remove -y -qq vidra-sensor vidra-collector && [ ! -e /usr/bin/vidrad ] && grep -q "# mine" /etc/vidra/vidra.toml && [ -e /var/lib/vidra/kept ]' 'removed: settings and state stay'
check 'apt-get purge -y -qq vidra-sensor vidra-collector vidra-tools && [ ! -e /etc/vidra ] && [ ! -e /var/lib/vidra ] && [ ! -e /var/lib/vidra-collector ] && [ ! -e /usr/share/vidra ]' 'purged: nothing is left'
check '! dpkg-query -W -f="\${Package} \${db:Status-Status}\n" "vidra-*" 2>/dev/null | grep -v " not-installed"' 'and dpkg knows of nothing'
if ls "$debs"/vidra-dpdk_*.deb >/dev/null 2>&1; then
  check 'apt-get install -y -qq --no-install-recommends /debs/vidra-*.deb && ls /usr/lib/*/vidra/vidra-dpdk.so && ! ldd /usr/lib/*/vidra/vidra-dpdk.so | grep "not found"' 'vidra-dpdk: installed with all that it links'
fi
echo "1..$number"
exit $failed
