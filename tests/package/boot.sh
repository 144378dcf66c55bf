#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Runs as a service of a booted machine: the sensor's unit in all that a service manager does with it. Results go to /result, one line each: status, text.
exec >/result.log 2>&1
set -x
: >/result
say() { printf '%s\t%s\n' "$1" "$2" >>/result; }
is() { systemctl show -p "$1" --value vidra-sensor; }
until_true() { for _ in $(seq 1 "${2:-100}"); do eval "$1" && return 0; sleep 0.2; done; return 1; }

ip link add near type veth peer name far
for i in near far; do [ ! -e /proc/sys/net/ipv6/conf/$i ] || echo 1 >/proc/sys/net/ipv6/conf/$i/disable_ipv6; ip link set $i arp off multicast off up; done
cat >/etc/vidra/vidra.toml <<X
[capture]
interfaces = ["near"]
[traffic]
silent_after = "0s"
X
systemctl daemon-reload
systemctl start vidra-sensor; say $? 'systemctl start comes back once the sensor has said READY=1'
[ "$(is ActiveState)" = active ] && [ "$(is Type)" = notify ]; say $? 'active'
until_true 'is StatusText | grep -q packets'; say $? 'its status says what it hears'
pid=$(is MainPID)
grep -q "^Uid:[[:space:]]*$(id -u vidra)[[:space:]]" /proc/$pid/status; say $? 'as its own user'
grep -q '^CapEff:\s*0*2000$' /proc/$pid/status && grep -q '^Seccomp:\s*2' /proc/$pid/status && grep -q '^NoNewPrivs:\s*1' /proc/$pid/status; say $? 'with CAP_NET_RAW alone, under seccomp'
journalctl -u vidra-sensor -o cat | grep 'sandbox: ' | grep -v 'no seccomp\|no Landlock: '; say $? 'its own sandbox is in place under the unit'\''s'
vidra status | grep near; say $? 'vidra status'
[ "$(stat -c %a:%U:%G /run/vidra/vidra.sock)" = 660:vidra:vidra ]; say $? 'the socket is for its group'
runuser -u nobody -- vidra status; [ $? = 1 ]; say $? 'and for nobody else'
systemctl reload vidra-sensor && until_true 'journalctl -u vidra-sensor -o cat | grep -q "taken over"'; say $? 'systemctl reload'
[ "$(is MainPID)" = "$pid" ] && [ "$(is NRestarts)" = 0 ]; say $? 'it is the same process'
kill -9 "$pid"; until_true '[ "$(is ActiveState)" = active ] && [ "$(is MainPID)" != '"$pid"' ]'; say $? 'killed: it is back'
[ "$(is NRestarts)" = 1 ]; say $? 'the service manager counts it'
pid=$(is MainPID)
mkdir -p /run/systemd/system/vidra-sensor.service.d; printf '[Service]\nWatchdogSec=3\n' >/run/systemd/system/vidra-sensor.service.d/w.conf
systemctl daemon-reload; systemctl restart vidra-sensor; pid=$(is MainPID)
sleep 5; [ "$(is MainPID)" = "$pid" ]; say $? 'the watchdog is content with a silent link'
kill -STOP "$pid"; until_true '[ "$(is MainPID)" != '"$pid"' ] && [ "$(is ActiveState)" = active ]' 150; say $? 'hung: the watchdog ends it and it is back'
journalctl -u vidra-sensor -o cat | grep -i 'watchdog timeout'; say $? 'and the journal says why'
[ "$(cat /sys/class/net/near/statistics/tx_packets)" = 0 ]; say $? 'not one frame was sent on the monitored port'
systemctl stop vidra-sensor; [ "$(is ActiveState)" = inactive ] && [ "$(is Result)" = success ]; say $? 'stopped, cleanly'
# Keys as a credential.
cp /var/lib/vidra/sensor.keys /etc/credstore/sensor.keys && chmod 600 /etc/credstore/sensor.keys && rm /var/lib/vidra/sensor.keys
before=$(sed -n 's/^fingerprint //p' /var/lib/vidra/sensor.keys.pub)
systemctl start vidra-sensor && until_true 'journalctl -u vidra-sensor -o cat | tail -n 20 | grep -q "key '"$before"'"' && [ ! -e /var/lib/vidra/sensor.keys ]; say $? 'its keys come as a credential'
systemctl stop vidra-sensor
printf '[capture]\ninterfaces = 7\n' >/etc/vidra/vidra.toml
systemctl start vidra-sensor; [ $? != 0 ] && sleep 1 && [ "$(is NRestarts)" = 0 ] && journalctl -u vidra-sensor -o cat | grep -q 'vidra.toml:2:'; say $? 'wrong settings: named with their line, and not tried again'
rm -f /etc/credstore/sensor.keys
systemctl start vidra-collector && [ "$(systemctl show -p ActiveState --value vidra-collector)" = active ]; say $? 'the collector starts'
until_true 'vidra keys fingerprint | grep -q server_key'; say $? 'and says its key'
journalctl -u vidra-collector -o cat | tail -n 20
there=$(systemctl show -p MainPID --value vidra-collector); [ "$there" -gt 1 ] && kill -9 "$there"; until_true '[ "$(systemctl show -p NRestarts --value vidra-collector)" = 1 ] && [ "$(systemctl show -p ActiveState --value vidra-collector)" = active ]'; say $? 'killed: it is back'
systemctl stop vidra-collector; [ "$(systemctl show -p Result --value vidra-collector)" = success ]; say $? 'stopped, cleanly'
printf '[capture]\ninterfaces = ["lo"]\n# mine\n' >/etc/vidra/vidra.toml
# An upgrade and a removal while it runs.
systemctl enable --now vidra-sensor; pid=$(is MainPID)
DEBIAN_FRONTEND=noninteractive dpkg -i /next/vidra-tools_*.deb /next/vidra-sensor_*.deb /next/vidra-collector_*.deb; say $? 'upgraded while the sensor runs'
until_true '[ "$(is ActiveState)" = active ] && [ "$(is MainPID)" != '"$pid"' ]'; say $? 'the new one runs'
[ "$(systemctl show -p ActiveState --value vidra-collector)" = inactive ]; say $? 'what stood still stands still'
pid=$(is MainPID)
dpkg -r vidra-sensor; say $? 'removed while it runs'
until_true '[ ! -e /proc/'"$pid"' ]'; say $? 'it was stopped'
dpkg -i /next/vidra-sensor_*.deb; say $? 'installed again'
systemctl is-active --quiet vidra-sensor; say $? 'with its settings still there it runs at once'
systemctl stop vidra-sensor
echo end >/result.end
