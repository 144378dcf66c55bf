// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>

#include <nlohmann/json.hpp>
#include <ostream>

#include "daemon/report/body.h"
#include "daemon/tool/privacy.h"

namespace vidra {
namespace {

using Json = nlohmann::ordered_json;

constexpr const char* head = R"(# What leaves your site

The sensor hears everything on the link it watches. What a collector is told of it is decided here, at the site, in the `[[collector]]` blocks of
`vidra.toml`: one for each collector, each with a policy of its own. Nothing else leaves. No payload leaves under any policy, and no capture: packets
that prove an alert stay on the sensor's disk until somebody of the site carries them away.

You can see it for yourself, and you should:

    vidra preview --config /etc/vidra/vidra.toml capture.pcapng     # what would be told of a recording, beside what stays; nothing is sent
    vidra outbox                                                    # the newest records of each collector, as they were sent
    vidra outbox cert --hex                                         # the very octets of them, header and body
    vidra resolve host-7f3a9c21d0 ip4-c31f9007                      # what a pseudonym stands for; here, where the key is, and nowhere else
    vidra resolve < mail-from-the-cert.txt                          # a text, with every pseudonym in it replaced
    vidra preview --key other.key capture.pcapng                    # with the pseudonyms of another sensor's key

Between the outbox and the wire nothing is added or changed: a record is made, put through the policy, written to the outbox, and these octets are sent,
encrypted for the collector's key alone.

## The policy

| key of `[[collector]]` | values | default | what it decides |
|---|---|---|---|
| `addresses` | plain, pseudonyms, hidden | pseudonyms | IP and MAC addresses of the site: its declared hosts and ranges, and every private range |
| `foreign` | plain, pseudonyms, hidden | plain | all other addresses: an attacker's, a vendor's |
| `names` | plain, pseudonyms, hidden | pseudonyms | hosts, IEDs, stations, bays, points, data sets, files, users, interfaces, and any text that was heard on the wire or written by the site |
| `numbers` | plain, hidden | plain | figures in sentences: numbers of objects and stations, values, counts, times |
| `identity` | plain, pseudonyms, hidden | plain | what the sensor and the site are called |
| `fields` | "all", or a list | "all" | which of the fields that may be left out (below) leave |
| `operations_in_full` | true, false | false | findings that help operation, not security, leave as states and counts |
| `tlp` | CLEAR, GREEN, AMBER, AMBER+STRICT, RED | AMBER | the highest marking that this collector is told, and the marking of what has none of its own |

With the defaults a CERT sees what was done, in which order, with which protocol, how bad it is, and from which address outside; it sees that two alerts
concern the same device, and that two devices are in one network; it can call the site and name the device by its pseudonym. It does not learn the site's
addresses and names. Nothing at all is recognisable with `addresses = "hidden"`, `names = "hidden"`, `numbers = "hidden"`, `identity = "hidden"`; then the CERT
can count and little else.

A detection may be marked: `[detection.MMS-02]` with `tlp = "RED"`. A collector whose `tlp` is lower is not told of it, nor by the alerts of others: a known attack that a
source's alerts are like is told without the steps that stay, as sure as the rest makes it, and not at all where one that it needs is missing. What was kept back is counted, in `vidra status`,
in `vidra outbox` and in the sensor's own health records, so that the collector knows that there was something, and not what.

## Pseudonyms

The key lies in the sensor's folder, `pseudonyms.key`, readable by its user alone (0600), made at the first start. It is in no record, no log and no dump, and no command
prints it. Sensors of one site that should call a device by one pseudonym need one key: copy the file to the others before their first start, or give it as the credential
`pseudonyms.key` of the service (`/etc/credstore/pseudonyms.key`, 0600): `vidra resolve` and `vidra preview`, as root, look for it there, too; where it is elsewhere name it with
`--key`. Keep a copy. A sensor whose key is gone though pseudonyms left under it does not start, and says what to type; without the key `vidra resolve` still finds what the list
(below) names.

* **Addresses** keep their prefixes: devices of one subnet have pseudonyms that begin alike (`ip4-` and eight hexadecimal digits, `ip6-` and 32, `mac-` and twelve: cards of one
  maker begin alike). They cannot be taken for addresses by any program. With the key they are turned back by calculation.
* **Names** become a word and ten digits: `host-7f3a9c21d0`. Equal names have equal digits. They are turned back by a list, `pseudonyms.told`, that the sensor keeps beside the key:
  every pseudonym that left, when it first did, and what it stands for. It holds the last 65,536 at least.
* **Sentences** leave as their key and what stands in it: `{} operated {} of {}` and three values. What is neither a word of Vidra's own sentences, nor a number, nor an
  address counts as a name; so does each name that you declare, whatever it is made of. What you or others wrote (the sentence of a rule of your own, the comment in a list of
  indicators, what a device calls a user) is a name as a whole.

What a pseudonym cannot do: who knows that a certain alert concerns a certain device knows that device's pseudonym from then on, and with it the first bits of its
neighbours' addresses. A word heard on the wire that is also a word of Vidra's sentences ("operator", as a user's name) stays readable unless it is
declared. Numbers leave with `numbers = "plain"`, a user who is called 4711 with them. Multicast and broadcast addresses that are the same everywhere stay as they are; those that
are made of a device's address do not. Times are true, and so are the counts in health records: who knows from elsewhere when something was done at your site can find it there. Two collectors
have the same story under the same number, and the same pseudonyms: what you tell one of them plainly, the other learns from it. And whoever runs a collector sees the address from which the sensor's
connection comes, as with every connection.

**A new key** makes all pseudonyms new, and the CERT can no longer join what it hears to what it heard:

    systemctl stop vidra-sensor
    mv /var/lib/vidra/pseudonyms.key /var/lib/vidra/pseudonyms-2026.key      # keep it: old pseudonyms of addresses need it
    mv /var/lib/vidra/pseudonyms.told /var/lib/vidra/pseudonyms.told.2026    # likewise: vidra resolve reads it there, too
    systemctl start vidra-sensor
    vidra resolve --key /var/lib/vidra/pseudonyms-2026.key ip4-c31f9007

Change it when somebody outside may know it, or when an agreement ends. Whoever has the key and a pseudonym has the address.

## Every field

What leaves is one JSON object with these fields and no other: a field that is not in this table is not sent. A **key** is a word of the program or a random number, and leaves as it is,
like a **number**. **Rule**: a detection's id, of a rule of the site's own with its name. **Title**: a text of the catalogue, the same for everybody (or of the language file that `[report] language`
names); of a rule of the site's own it is a name. **Text**: a sentence, taken apart as above: where something in it is a name, an address or a number the field is no text but an object of `key`, the
sentence with `{}` in each of these places, and `values`, what stands there, or null. **Heard**: likewise, from the wire; it is one name where more is in it than words of Vidra and numbers.

| field | kind | may be left out | what it is |
|---|---|---|---|
)";

constexpr const char* middle = R"(
Beside these objects this leaves, and no more ([LINK.md](LINK.md)):

| what | holds |
|---|---|
| the header before each, 128 octets | the sensor's random number; the outbox's birth, a random number and a time; a count; when the record was made, by the wall clock and since the machine's start; how the clock is set; sums over it and the record before it |
| HELLO, when the link comes up | version of the software and of the protocol; a random number of this run of the sensor, and one of this boot of the machine, made with a secret of the sensor; the sensor's and the site's name as `identity` has it; `policy_id`; the open half of the key that signs; how often it was said; which records are held |
| GAP, where records were lost | of which lane, which and when, how many of which detection (of a rule of the site's own as `rule.id` has it), why |
| CHECKPOINT, now and then | the sums of the last records, and a signature over them by the sensor's key |
| PING, BYE | times; that the sensor ends |

Each collector sees the open half of the sensor's link key, which it approved, and one sensor has the same key and number for all of them.

A collector keeps what it was told for `keep` (`[journal]`, a year without it), counted from when it came, and removes whole files of `segment` octets, once its clock has gone evenly for a day (restarts
count as nothing, where it is off for no more than a day). The newest file of each sensor and lane stays: it says where the sensor goes on. To be rid of a sensor's last records too, stop the collector
and remove its folder, `journal/NUMBER-OF-THE-SENSOR` below the state folder, and `index.db`; a sensor that still lives sends again what it has kept, so revoke its key first (`vidra keys revoke`).

## An example

From a laboratory recording: somebody operates a breaker of the site *{}*. This stays at the site:

```json
{}
```

This leaves with the defaults, under the key that consists of 32 zeros:

```json
{}
```

And this with everything hidden:

```json
{}
```
)";

std::string body(const Story& s, const std::string& site, const Policy* policy, std::shared_ptr<const Declared> declared) {
  Issuer who;
  who.id = "6f1d1f5a-0000-4000-8000-000000000001";
  who.name = "sensor-1", who.site = site;
  if (policy) who.border = std::make_shared<Border>(*policy, std::make_shared<const Pseudonyms>(Pseudonyms::Key{}), std::move(declared));
  Json j = Json::parse(story_body(s, who, s.last));
  if (j.contains("rule")) j["rule"]["rev"] = "…";        // of the version that wrote the page
  return j.dump(2, ' ', false, Json::error_handler_t::replace);
}

}  // namespace

void write_privacy_page(std::ostream& out, const Story& example, std::shared_ptr<const Declared> declared, const std::string& site) {
  out << head;
  for (const BodyField& f : body_fields) out << fmt::format("| `{}` | {} | {} | {} |\n", f.path, name_of(f.kind), f.optional ? "yes" : "", f.meaning);
  Policy shut;
  shut.addresses = shut.foreign = shut.names = shut.identity = Showing::hidden;
  shut.numbers = false;
  const Policy usual;
  out << fmt::format(middle, site, body(example, site, nullptr, declared), body(example, site, &usual, declared), body(example, site, &shut, declared));
}

}  // namespace vidra
